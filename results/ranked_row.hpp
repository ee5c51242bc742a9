// What the rows of every ranking have in common.
#pragma once

#include <optional>
#include <string>

namespace switchyard {

struct RankedRow {
  std::string policy;        // canonical spec
  bool clairvoyant = false;  // knows output lengths: a reference, not ranked
  std::string failure;       // why it failed; then no figure holds
  std::string infeasible;    // the constraints that it breaks on held-out seeds, with what was found

  int rank = 0;  // from 1; 0: clairvoyant or failed
  // The best rank whose difference the paired test does not show; 0: none. No value: too few seeds for a verdict.
  std::optional<int> not_distinguishable_from = 0;
};

// "2", "failed", "clairvoyant" or "infeasible".
std::string rank_text(const RankedRow& row);

// The same with the rank that it is not told from, "2 (~1)", or "2 (-)" if nothing can be told.
std::string rank_text_with_tie(const RankedRow& row);

// Why it is out of the running, a line of a caption; "" if it is not.
std::string exclusion_text(const RankedRow& row);

}  // namespace switchyard
