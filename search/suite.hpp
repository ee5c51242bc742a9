// A robust ranking: which policy does well on every scenario of a suite, and which only on some.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "search/evaluator.hpp"
#include "search/statistics.hpp"

namespace switchyard {

struct SuiteScenario {
  std::string name;
  std::string workload;                           // source: trace file or embedded model
  std::string cost;                               // source of batch times
  std::string seeds;                              // "101-116"
  std::vector<double> llq_by_seed;                // mean end-to-end time of llq, s: the yardstick
  std::vector<double> interference_free_by_seed;  // the same were each request alone, s: no policy can reach it
};

struct SuiteRow {
  std::string policy;                            // canonical spec
  bool clairvoyant = false;                      // knows output lengths: a reference, not ranked
  std::string failure;                           // why it failed, and on which scenario; then no figure holds
  std::vector<std::vector<double>> e2e_by_seed;  // mean end-to-end time, s: [scenario][seed]

  // What rank_suite derives. A ratio is that of the mean over seeds to llq's on the same seeds; below 1 is better.
  int rank = 0;                          // from 1, by geometric_mean; 0: clairvoyant or failed
  int not_distinguishable_from = 0;      // the best rank whose difference the paired interval does not show; 0: none
  std::vector<Interval> ratios;          // by scenario
  Interval geometric_mean;               // of the ratios
  Interval worst;                        // the largest ratio; its interval is that of the largest in each resample
  std::size_t worst_scenario = 0;        // where it is
  bool never_worse = false;              // no ratio is above 1
  std::vector<std::size_t> real_losses;  // scenarios whose ratio's whole interval is above 1
};

struct Suite {
  std::vector<SuiteScenario> scenarios;
  std::vector<SuiteRow> rows;  // by rank, clairvoyant ones where their figure puts them, failed last
};

// Each policy, and every registered clairvoyant one as a reference, on the held-out seeds of each scenario; all face
// the same workloads. Does not depend on `threads`. Throws InputError for bad scenarios, two of one name, and a
// scenario that llq fails on.
Suite run_suite(const std::vector<Scenario>& scenarios, const std::vector<PolicySpec>& policies, int threads,
                const Progress& progress = {});

// Sorts and numbers rows, and derives every figure that rests on comparisons. Seeds are resampled within each scenario,
// the same ones for all policies.
void rank_suite(Suite& suite);

}  // namespace switchyard
