// The order of a ranking, whatever its figure.
#pragma once

#include <algorithm>
#include <functional>
#include <tuple>
#include <vector>

#include "results/ranked_row.hpp"

namespace switchyard {

// Sorts rows: failed ones last, before them those that break a constraint, others by cost(row), of which less is
// better, then by spec. Numbers those that are neither failed nor clairvoyant; what keeps to the constraints is
// compared with those above by differ(row, other), if there are seeds enough to tell (`decidable`).
template <class Row, class Cost, class Differ>
void sort_and_number(std::vector<Row>& rows, bool decidable, Cost cost, Differ differ) {
  const auto class_of = [](const Row& row) { return !row.failure.empty() ? 2 : !row.infeasible.empty() ? 1 : 0; };
  const auto cost_of = [&](const Row& row) { return row.failure.empty() ? cost(row) : 0; };
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    return std::tuple(class_of(a), cost_of(a), std::cref(a.policy).get()) <
           std::tuple(class_of(b), cost_of(b), std::cref(b.policy).get());
  });
  std::vector<const Row*> ranked;
  for (Row& row : rows) {
    row.rank = 0;
    row.not_distinguishable_from = 0;
    if (row.clairvoyant || !row.failure.empty()) continue;
    row.rank = static_cast<int>(ranked.size()) + 1;
    if (!decidable) row.not_distinguishable_from.reset();
    for (std::size_t k = 0; k < ranked.size() && row.not_distinguishable_from == 0 && row.infeasible.empty(); ++k) {
      if (!differ(row, *ranked[k])) row.not_distinguishable_from = static_cast<int>(k) + 1;
    }
    ranked.push_back(&row);
  }
}

}  // namespace switchyard
