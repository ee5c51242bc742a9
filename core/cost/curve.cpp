#include "core/cost/curve.hpp"

#include <algorithm>
#include <cmath>

namespace switchyard {

namespace {

// Keeps first and last, and between what is kept those that miss what their neighbours give by more than the tolerance,
// the worst first (Ramer, Douglas, Peucker). miss(begin, i, end) is the error of leaving i out between two kept ones.
template <class Miss>
void thin(std::size_t begin, std::size_t end, double tolerance, const Miss& miss, std::vector<bool>& keep) {
  keep[begin] = keep[end] = true;
  double worst = tolerance;
  std::size_t at = begin;
  for (std::size_t i = begin + 1; i < end; ++i) {
    const double error = miss(begin, i, end);
    if (error > worst) {
      worst = error;
      at = i;
    }
  }
  if (at == begin) return;
  thin(begin, at, tolerance, miss, keep);
  thin(at, end, tolerance, miss, keep);
}

template <class Miss>
std::vector<bool> kept(std::size_t size, double tolerance, const Miss& miss) {
  std::vector<bool> keep(size, false);
  if (size > 0) thin(0, size - 1, tolerance, miss, keep);
  return keep;
}

double between(double x, double x0, double y0, double x1, double y1) { return y0 + (x - x0) / (x1 - x0) * (y1 - y0); }

double relative_error(double found, double wanted) { return std::abs(found - wanted) / std::max(wanted, 1e-9); }

}  // namespace

double Curve::at(double position) const {
  if (x.empty()) return 0;
  if (position <= x.front()) return y.front();
  if (position >= x.back()) {
    const double middle = 0.5 * (x.front() + x.back());
    const double rise = y.back() - at(middle);
    return position == x.back() || x.size() < 2
               ? y.back()
               : y.back() + std::max(0.0, rise / (x.back() - middle)) * (position - x.back());
  }
  const auto next = static_cast<std::size_t>(std::upper_bound(x.begin(), x.end(), position) - x.begin());
  const double part = (position - x[next - 1]) / (x[next] - x[next - 1]);
  return y[next - 1] + part * (y[next] - y[next - 1]);
}

double CurveSet::at(double wanted, double x) const {
  if (wanted <= position.front()) return curves.front().at(x);
  const auto found = std::upper_bound(position.begin(), position.end(), wanted) - position.begin();
  const std::size_t next = std::min(static_cast<std::size_t>(found), position.size() - 1);
  const double below = curves[next - 1].at(x), above = curves[next].at(x);
  const double part = (wanted - position[next - 1]) / (position[next] - position[next - 1]);
  return part <= 1 ? below + part * (above - below) : above + (part - 1) * std::max(0.0, above - below);
}

Curve Curve::thinned(double tolerance) const {
  const std::vector<bool> keep = kept(x.size(), tolerance, [this](std::size_t begin, std::size_t i, std::size_t end) {
    return relative_error(between(x[i], x[begin], y[begin], x[end], y[end]), y[i]);
  });
  Curve thinner;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!keep[i]) continue;
    thinner.x.push_back(x[i]);
    thinner.y.push_back(y[i]);
  }
  return thinner;
}

CurveSet CurveSet::thinned(double tolerance) const {
  const auto miss = [this](std::size_t begin, std::size_t i, std::size_t end) {
    if (curves[i].x.back() > std::min(curves[begin].x.back(), curves[end].x.back())) return HUGE_VAL;
    double sum = 0;  // the mean: single points are noisy
    for (std::size_t k = 0; k < curves[i].x.size(); ++k) {
      const double at = curves[i].x[k];
      sum +=
          relative_error(between(position[i], position[begin], curves[begin].at(at), position[end], curves[end].at(at)),
                         curves[i].y[k]);
    }
    return sum / static_cast<double>(curves[i].x.size());
  };
  const std::vector<bool> keep = kept(position.size(), tolerance, miss);
  CurveSet thinner;
  for (std::size_t i = 0; i < position.size(); ++i) {
    if (!keep[i]) continue;
    thinner.position.push_back(position[i]);
    thinner.curves.push_back(curves[i].thinned(tolerance));
  }
  return thinner;
}

void CurveSamples::add(double x, double y) {
  auto& [sum, count] = points_[x];
  sum += y;
  ++count;
}

Curve CurveSamples::curve() const {
  Curve curve;
  for (const auto& [x, point] : points_) {
    curve.x.push_back(x);
    curve.y.push_back(point.first / point.second);
  }
  return curve;
}

}  // namespace switchyard
