#include "results/ranked_row.hpp"

#include <fmt/format.h>

namespace switchyard {

std::string rank_text(const RankedRow& row) {
  if (!row.failure.empty()) return "failed";
  if (row.clairvoyant) return "clairvoyant";
  return row.infeasible.empty() ? fmt::format("{}", row.rank) : "infeasible";
}

std::string rank_text_with_tie(const RankedRow& row) {
  if (!row.not_distinguishable_from) return rank_text(row) + " (-)";
  return *row.not_distinguishable_from > 0 ? fmt::format("{} (~{})", rank_text(row), *row.not_distinguishable_from)
                                           : rank_text(row);
}

std::string exclusion_text(const RankedRow& row) {
  if (!row.failure.empty()) return fmt::format("Failed: {}: {}\n", row.policy, row.failure);
  if (!row.infeasible.empty()) return fmt::format("Infeasible: {}: {}\n", row.policy, row.infeasible);
  return "";
}

}  // namespace switchyard
