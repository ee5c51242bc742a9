#include "search/plan_search.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace switchyard {

namespace {

bool is_none(const Counts& counts) {
  return std::all_of(counts.begin(), counts.end(), [](std::int32_t count) { return count == 0; });
}

// Each of `a` at most that of `b`.
bool at_most(const Counts& a, const Counts& b) {
  return std::equal(a.begin(), a.end(), b.begin(), [](std::int32_t x, std::int32_t y) { return x <= y; });
}

// Measured, or what follows from fewer that have the property or more that lack it.
std::optional<bool> has(const std::map<Counts, Standing>& known, bool Standing::*property, const Counts& counts) {
  if (is_none(counts)) return false;
  if (const auto found = known.find(counts); found != known.end()) return found->second.*property;
  for (const auto& [measured, standing] : known) {
    if (standing.*property && at_most(measured, counts)) return true;
    if (!(standing.*property) && at_most(counts, measured)) return false;
  }
  return std::nullopt;
}

// The numbers of all kinds but the last, at which it is at its least, the cheapest first.
std::vector<Counts> rows_of(const std::vector<PlannedKind>& kinds) {
  std::vector<PlannedKind> others = kinds;
  others.back().most = others.back().least;
  std::vector<Counts> rows = {{}};
  for (const PlannedKind& kind : others) {
    std::vector<Counts> longer;
    for (const Counts& row : rows) {
      for (std::int32_t count = kind.least; count <= kind.most; ++count) {
        longer.push_back(row);
        longer.back().push_back(count);
      }
    }
    rows = std::move(longer);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [&](const Counts& a, const Counts& b) { return rate_of(kinds, a) < rate_of(kinds, b); });
  return rows;
}

}  // namespace

std::int64_t gpus_of(const std::vector<PlannedKind>& kinds, const Counts& counts) {
  std::int64_t gpus = 0;
  for (std::size_t k = 0; k < kinds.size(); ++k) gpus += std::int64_t{counts[k]} * kinds[k].gpus;
  return gpus;
}

std::optional<double> price_of_hour(const std::vector<PlannedKind>& kinds, const Counts& counts) {
  double price = 0;
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    if (!kinds[k].gpu_price) return std::nullopt;
    price += *kinds[k].gpu_price * kinds[k].gpus * counts[k];
  }
  return price;
}

double rate_of(const std::vector<PlannedKind>& kinds, const Counts& counts) {
  return price_of_hour(kinds, counts).value_or(static_cast<double>(gpus_of(kinds, counts)));
}

std::vector<Counts> all_counts(const std::vector<PlannedKind>& kinds) {
  std::vector<Counts> all;
  for (Counts counts : rows_of(kinds)) {
    for (; counts.back() <= kinds.back().most; ++counts.back()) {
      if (!is_none(counts)) all.push_back(counts);
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<Counts> splits_of(const std::vector<PlannedKind>& kinds, std::int32_t total) {
  std::vector<Counts> splits;
  for (Counts counts : rows_of(kinds)) {
    const std::int64_t others = std::accumulate(counts.begin(), counts.end() - 1, std::int64_t{0});
    const std::int64_t last = total - others;
    if (last < kinds.back().least || last > kinds.back().most) continue;
    counts.back() = static_cast<std::int32_t>(last);
    splits.push_back(counts);
  }
  std::sort(splits.begin(), splits.end());
  return splits;
}

PlanStep cheapest_with(const std::vector<PlannedKind>& kinds, const std::map<Counts, Standing>& known,
                       bool Standing::*property) {
  PlanStep step;
  double least_rate = std::numeric_limits<double>::infinity();
  for (const Counts& row : rows_of(kinds)) {
    const auto with = [&](std::int32_t last) {
      Counts counts = row;
      counts.back() = last;
      return counts;
    };
    std::int32_t below = kinds.back().least - 1, found = kinds.back().most;
    while (found > below && rate_of(kinds, with(found)) >= least_rate) --found;
    if (found == below) continue;
    std::optional<bool> answer = has(known, property, with(found));
    if (!answer) return {.wanted = with(found), .found = {}};
    if (!*answer) continue;  // not even the most of this row
    while (found - below > 1) {
      const std::int32_t middle = below + (found - below) / 2;
      answer = has(known, property, with(middle));
      if (!answer) return {.wanted = with(middle), .found = {}};
      (*answer ? found : below) = middle;
    }
    const Counts counts = with(found);
    if (!known.contains(counts)) return {.wanted = counts, .found = {}};
    step.found = counts;
    least_rate = rate_of(kinds, counts);
  }
  return step;
}

PlanStep best_split(const std::vector<Counts>& splits, const std::map<Counts, SplitValue>& known) {
  if (splits.empty()) return {};
  if (splits[0].size() != 2) {
    const Counts* best = nullptr;
    for (const Counts& split : splits) {
      const auto found = known.find(split);
      if (found == known.end()) return {.wanted = split, .found = {}};
      if (best == nullptr || found->second < known.at(*best)) best = &split;
    }
    return {.wanted = {}, .found = *best};
  }
  // Where there are none of a kind the cluster is another one (prefill and decode are not apart, say), and no point of
  // the same curve.
  std::vector<Counts> curve;
  for (const Counts& split : splits) {
    if (split[0] > 0 && split[1] > 0) {
      curve.push_back(split);
    } else if (!known.contains(split)) {
      return {.wanted = split, .found = {}};
    }
  }
  std::size_t low = 0, high = curve.empty() ? 0 : curve.size() - 1;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    for (const std::size_t at : {middle, middle + 1}) {
      if (!known.contains(curve[at])) return {.wanted = curve[at], .found = {}};
    }
    if (known.at(curve[middle + 1]) < known.at(curve[middle])) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (!curve.empty() && !known.contains(curve[low])) return {.wanted = curve[low], .found = {}};
  // Where the values are not what was assumed, one that was met on the way may be better.
  Counts best = curve.empty() ? splits[0] : curve[low];
  for (const auto& [split, value] : known) {
    if (value < known.at(best)) best = split;
  }
  return {.wanted = {}, .found = best};
}

}  // namespace switchyard
