#include "core/measured/simplex.hpp"

#include <algorithm>
#include <cmath>

namespace switchyard {

namespace {

using Point = std::array<double, 3>;

struct Vertex {
  Point at;
  double value;
};

// from + step (to - from)
Point along(const Point& from, const Point& to, double step) {
  Point point{};
  for (std::size_t i = 0; i < point.size(); ++i) point[i] = from[i] + step * (to[i] - from[i]);
  return point;
}

Vertex descend(const std::function<double(const Point&)>& value, const Point& start) {
  std::array<Vertex, 4> simplex{};
  for (std::size_t v = 0; v < simplex.size(); ++v) {
    simplex[v].at = start;
    if (v > 0) simplex[v].at[v - 1] += start[v - 1] != 0 ? 0.2 * start[v - 1] : 1e-3;
    simplex[v].value = value(simplex[v].at);
  }
  for (int step = 0; step < 1000; ++step) {
    std::stable_sort(simplex.begin(), simplex.end(),
                     [](const Vertex& a, const Vertex& b) { return a.value < b.value; });
    Vertex& worst = simplex.back();
    if (worst.value - simplex.front().value <= 1e-10 * std::abs(simplex.front().value)) break;
    Point centre{};
    for (std::size_t v = 0; v + 1 < simplex.size(); ++v) {
      for (std::size_t i = 0; i < centre.size(); ++i) centre[i] += simplex[v].at[i] / 3;
    }
    const auto tried = [&](double distance) {
      const Point point = along(centre, worst.at, -distance);
      return Vertex{point, value(point)};
    };
    const Vertex reflected = tried(1);
    if (reflected.value < simplex.front().value) {
      const Vertex expanded = tried(2);
      worst = expanded.value < reflected.value ? expanded : reflected;
    } else if (reflected.value < simplex[2].value) {
      worst = reflected;
    } else {
      const Vertex contracted = tried(reflected.value < worst.value ? 0.5 : -0.5);
      if (contracted.value < std::min(reflected.value, worst.value)) {
        worst = contracted;
      } else {
        for (std::size_t v = 1; v < simplex.size(); ++v) {
          simplex[v].at = along(simplex.front().at, simplex[v].at, 0.5);
          simplex[v].value = value(simplex[v].at);
        }
      }
    }
  }
  return *std::min_element(simplex.begin(), simplex.end(),
                           [](const Vertex& a, const Vertex& b) { return a.value < b.value; });
}

}  // namespace

Point simplex_minimum(const std::function<double(const Point&)>& value, Point start) {
  Vertex best = descend(value, start);
  for (int again = 0; again < 20; ++again) {
    const Vertex next = descend(value, best.at);
    const bool gained = next.value < best.value - 1e-7 * std::abs(best.value);
    if (next.value < best.value) best = next;
    if (!gained) break;
  }
  return best.at;
}

}  // namespace switchyard
