// Policies over a range of loads: how a figure moves, where each policy's curve bends, and up to which load it keeps to
// limits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "search/bend.hpp"
#include "search/evaluator.hpp"
#include "search/objective.hpp"
#include "search/study_store.hpp"

namespace switchyard {

struct SweepRow {
  std::string policy;                        // canonical spec
  bool clairvoyant = false;                  // knows output lengths: never deployable
  std::string failure;                       // why it failed, and at which load; then no figure holds
  std::vector<std::vector<double>> by_seed;  // objective: [load][seed]
  std::vector<std::string> infeasible;       // by load: the constraints that it breaks, with what was found

  // What derive_sweep adds.
  std::vector<Interval> value;  // by load
  // By load, relative to the first row that did not fail, paired by seed; none where that is 0.
  std::vector<std::optional<Interval>> change;
  Interval bend;                  // load; infinity: not reached
  std::optional<double> kept_to;  // the last load before one where a constraint is broken; none: broken at the lowest
};

struct Sweep {
  Goal goal;
  std::string scenario;
  std::string workload;  // source, and what was cut or left out at all loads
  std::string cost;
  std::string seeds;  // held-out ones
  std::string axis;   // "qps" or "time_scale"
  std::vector<double> loads;
  std::vector<std::string> digests;  // of the experiment at each load
  std::vector<SweepRow> rows;        // in the order of the policies
};

// `scenarios[i]` is that of `loads[i]`, which rise. All policies face the same workloads. Does not depend on `threads`.
// Replays that the store knows are not run again; others are written down in it. Throws InputError for bad scenarios.
Sweep run_sweep(const Goal& goal, const std::string& axis, const std::vector<double>& loads,
                const std::vector<Scenario>& scenarios, const std::vector<PolicySpec>& policies, int threads,
                const Progress& progress = {}, StudyStore* store = nullptr);

// Derives intervals, bends and where constraints are kept.
void derive_sweep(Sweep& sweep);

}  // namespace switchyard
