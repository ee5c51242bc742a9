// A robust ranking: which policy does well on every scenario of a suite, and which only on some.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "results/ranked_row.hpp"
#include "search/evaluator.hpp"
#include "search/ledger.hpp"
#include "search/objective.hpp"
#include "search/robust_ratio.hpp"
#include "search/study_store.hpp"

namespace switchyard {

struct SuiteScenario {
  std::string name;
  std::string workload;             // source: trace file or embedded model
  std::string cost;                 // source of batch times
  std::string digest;               // of the experiment; "": unknown, as in old files
  std::string seeds;                // "101-116"
  std::vector<double> llq_by_seed;  // objective of llq: the yardstick, above 0
  // Where mean end-to-end time ranks, the same were each request alone, s: no policy can reach it.
  std::vector<double> interference_free_by_seed;
};

// What the interval of the worst ratio says: all of it is on the better side of 1 or ends there, it holds 1, all of it
// is on the worse side (then that of some scenario is, too), or there is none.
enum class NeverWorse : std::uint8_t { yes, within_error, no, unknown };
std::string never_worse_text(NeverWorse verdict);  // "yes", "within error", "no", "-"

// Its failure and what it breaks name the scenario.
struct SuiteRow : RankedRow {
  BySeed by_seed;  // objective: [scenario][seed]

  // What rank_suite derives, besides the ranks. A ratio is that of the mean over seeds to llq's on the same seeds;
  // below 1 is better, above 1 where higher is better.
  std::vector<Interval> ratios;    // by scenario; their intervals hold together
  Interval geometric_mean;         // of the ratios: what ranks
  Interval worst;                  // of the ratios
  std::size_t worst_scenario = 0;  // where it is
  NeverWorse never_worse = NeverWorse::unknown;
  std::vector<std::size_t> real_losses;  // scenarios whose ratio's whole interval is on the worse side of 1
};

struct Suite {
  Goal goal;
  std::vector<SuiteScenario> scenarios;
  // By rank, clairvoyant ones where their figure puts them; what breaks a constraint comes after, failed ones last.
  std::vector<SuiteRow> rows;
};

// Each policy, and every registered clairvoyant one as a reference, on the held-out seeds of each scenario; all face
// the same workloads. Constraints hold on every scenario, or are broken. Does not depend on `threads`. Throws
// InputError for bad scenarios, two of one name, and a scenario that llq fails on or where its objective is 0 on some
// seed: there are no ratios to it then. Replays that the store knows are not run again; others are written down in it.
Suite run_suite(const Goal& goal, const std::vector<Scenario>& scenarios, const std::vector<PolicySpec>& policies,
                int threads, const Progress& progress = {}, StudyStore* store = nullptr);

// The same of experiments that have ledgers: their held-out seeds.
Suite judge_suite(const Goal& goal, const std::vector<Ledger*>& ledgers, const std::vector<PolicySpec>& policies);

// Sorts and numbers rows, and derives every figure that rests on comparisons.
void rank_suite(Suite& suite);

}  // namespace switchyard
