// Policies over a range of loads: how end-to-end time grows, and where each policy's curve bends.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "search/evaluator.hpp"
#include "search/statistics.hpp"

namespace switchyard {

// A curve bends where its value reaches this many times that at the lowest load.
inline constexpr double kBendFactor = 2;

// The load at which a curve first reaches kBendFactor times its first value, between swept loads by linear
// interpolation; infinity if it does not within them. `loads` rise; one value a load.
double bend_of(std::span<const double> loads, std::span<const double> values);

struct SweepRow {
  std::string policy;                            // canonical spec
  bool clairvoyant = false;                      // knows output lengths: never deployable
  std::string failure;                           // why it failed, and at which load; then no figure holds
  std::vector<std::vector<double>> e2e_by_seed;  // mean end-to-end time, s: [load][seed]

  // What derive_sweep adds.
  std::vector<Interval> e2e;     // by load
  std::vector<Interval> change;  // by load, relative to the first row that did not fail, paired by seed
  Interval bend;                 // load; infinity: not reached
};

struct Sweep {
  std::string scenario;
  std::string workload;  // source at the lowest load
  std::string cost;
  std::string seeds;  // held-out ones
  std::string axis;   // "qps" or "time_scale"
  std::vector<double> loads;
  std::vector<SweepRow> rows;  // in the order of the policies
};

// `scenarios[i]` is that of `loads[i]`, which rise. All policies face the same workloads. Does not depend on `threads`.
// Throws InputError for bad scenarios.
Sweep run_sweep(const std::string& axis, const std::vector<double>& loads, const std::vector<Scenario>& scenarios,
                const std::vector<PolicySpec>& policies, int threads, const Progress& progress = {});

// Derives intervals and bends. For the interval of a bend the same seeds are resampled at all loads.
void derive_sweep(Sweep& sweep);

}  // namespace switchyard
