// Which numbers of replicas to measure next: those that settle where limits begin to be kept, or which split is best.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace switchyard {

using Counts = std::vector<std::int32_t>;  // replicas, by kind

// A kind of replica whose number is planned.
struct PlannedKind {
  std::string name;
  std::int32_t least = 1, most = 64;  // the numbers that are looked at
  std::int32_t gpus = 1;              // of one replica
  std::optional<double> gpu_price;    // of an hour of one GPU, in whatever currency
};

std::int64_t gpus_of(const std::vector<PlannedKind>& kinds, const Counts& counts);
// What an hour costs; none unless the price of every kind is known.
std::optional<double> price_of_hour(const std::vector<PlannedKind>& kinds, const Counts& counts);
// What is made least: the price of an hour where prices are known, else GPUs.
double rate_of(const std::vector<PlannedKind>& kinds, const Counts& counts);

// All numbers within the kinds' ranges but none at all, the last kind's moving fastest.
std::vector<Counts> all_counts(const std::vector<PlannedKind>& kinds);
// Those whose sum is `total`.
std::vector<Counts> splits_of(const std::vector<PlannedKind>& kinds, std::int32_t total);

// What is known of some numbers of replicas after they were measured.
struct Standing {
  bool shown = false;     // to keep all limits, within the error
  bool within = false;    // the means do
  bool possible = false;  // not shown to break one
};

struct PlanStep {
  std::optional<Counts> wanted;  // what must be measured first; none: it is settled
  std::optional<Counts> found;   // what was looked for, once it is settled; none: there is none
};

// The cheapest numbers that have the property. More replicas of a kind are taken to be no worse: the last kind's number
// is found by bisection for all numbers of the others that could still be cheaper, and what follows from what is known
// is not measured.
PlanStep cheapest_with(const std::vector<PlannedKind>& kinds, const std::map<Counts, Standing>& known,
                       bool Standing::*property);

// How good a split is, less is better: first how far it is outside its limits, then the cost of its objective.
using SplitValue = std::pair<double, double>;

// The best split. Of two kinds, along which the value is taken to fall to one lowest point and to rise after it: by
// bisection over neighbours; those with none of a kind are measured in any case. Of more kinds: of all.
PlanStep best_split(const std::vector<Counts>& splits, const std::map<Counts, SplitValue>& known);

}  // namespace switchyard
