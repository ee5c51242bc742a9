#include "core/cost/attention_surface.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "core/cost/piecewise_linear.hpp"

namespace switchyard {

AttentionSurface::AttentionSurface(std::vector<AttentionSample> samples) {
  std::sort(samples.begin(), samples.end(), [](const AttentionSample& a, const AttentionSample& b) {
    return std::tie(a.x, a.kv, a.ms) < std::tie(b.x, b.kv, b.ms);
  });
  std::vector<double> same;
  for (std::size_t i = 0; i < samples.size(); i += same.size()) {
    same.clear();
    for (std::size_t j = i; j < samples.size() && samples[j].x == samples[i].x && samples[j].kv == samples[i].kv; ++j) {
      same.push_back(samples[j].ms);
    }
    if (lines_.empty() || lines_.back().x != samples[i].x) lines_.push_back({.x = samples[i].x});
    lines_.back().kv.push_back(samples[i].kv);
    lines_.back().ms.push_back(median_of(same));
    knots_.push_back(samples[i].kv);
  }
  std::sort(knots_.begin(), knots_.end());
  knots_.erase(std::unique(knots_.begin(), knots_.end()), knots_.end());

  double covered = -1;
  for (std::size_t i = lines_.size(); i-- > 0;) lines_[i].covered_kv = covered = std::max(covered, lines_[i].kv.back());

  // Lines that start low, and of these the long ones, say most: they come first, so that the others can lean on them.
  std::vector<std::size_t> order(lines_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    return std::tuple(lines_[a].kv.front(), -lines_[a].kv.back(), a) <
           std::tuple(lines_[b].kv.front(), -lines_[b].kv.back(), b);
  });
  for (const std::size_t i : order) complete(lines_[i]);
}

template <class Value>
double AttentionSurface::Neighbours::between(double x, Value value) const {
  if (!below) return value(*above);
  if (!above) return value(*below);
  const double weight = (x - below->x) / (above->x - below->x);
  return value(*below) + weight * (value(*above) - value(*below));
}

double AttentionSurface::Neighbours::sampled_below(double kv) const {
  double largest = 0;
  for (const Line* line : {below, above}) {
    if (line == nullptr) continue;
    const auto found = std::lower_bound(line->kv.begin(), line->kv.end(), kv);
    if (found != line->kv.begin()) largest = std::max(largest, *(found - 1));
  }
  return largest;
}

AttentionSurface::Neighbours AttentionSurface::neighbours_of(const Line& line) const {
  Neighbours neighbours;
  for (const Line& other : lines_) {
    if (other.at_knots.empty()) continue;
    if (other.x < line.x) neighbours.below = &other;
    if (other.x > line.x && !neighbours.above) neighbours.above = &other;
  }
  return neighbours;
}

void AttentionSurface::complete(Line& line) {
  const double first = line.kv.front();
  const double last = line.kv.back();
  const Neighbours neighbours = neighbours_of(line);
  const auto at = [&](double kv) { return [this, kv](const Line& l) { return along(l, kv); }; };
  std::vector<double> times;
  times.reserve(knots_.size());
  for (const double knot : knots_) {
    if (neighbours.none() || (knot >= first && knot <= last)) {
      times.push_back(interpolate(line.kv, line.ms, knot));
    } else if (knot < first) {
      const double here = neighbours.between(line.x, at(knot));
      const double there = neighbours.between(line.x, at(first));
      const double faded = neighbours.sampled_below(first);
      const double off = there > 0 ? line.ms.front() / there - 1.0 : 0.0;
      times.push_back(here * (1.0 + off * std::max(0.0, (knot - faded) / (first - faded))));
    } else {
      const double growth = neighbours.between(
          line.x, [&](const Line& l) { return std::max(0.0, along(l, knot) - along(l, last)) / l.x; });
      times.push_back(line.ms.back() + growth * line.x);
    }
  }
  line.at_knots = std::move(times);
}

double AttentionSurface::along(const Line& line, double kv) const { return interpolate(knots_, line.at_knots, kv); }

double AttentionSurface::at(double x, double kv) const {
  std::size_t above = 0;
  while (above < lines_.size() && lines_[above].x < x) ++above;
  if (above == 0) return along(lines_.front(), kv);
  if (above < lines_.size()) {
    const Line& low = lines_[above - 1];
    const Line& high = lines_[above];
    const double weight = (x - low.x) / (high.x - low.x);
    return along(low, kv) + weight * (along(high, kv) - along(low, kv));
  }
  if (lines_.size() == 1) return along(lines_.front(), kv);
  std::vector<double> xs;
  std::vector<double> values;
  for (const Line& line : lines_) {
    xs.push_back(line.x);
    values.push_back(along(line, kv));
  }
  return interpolate(xs, values, x);
}

double AttentionSurface::covered_kv(double x) const {
  std::size_t above = 0;
  while (above < lines_.size() && lines_[above].x < x) ++above;
  if (above == lines_.size()) return -1;
  const Line& high = lines_[above];
  if (above == 0 || high.x == x) return high.covered_kv;
  const Line& low = lines_[above - 1];
  return low.covered_kv + (x - low.x) / (high.x - low.x) * (high.covered_kv - low.covered_kv);
}

}  // namespace switchyard
