// How many replicas of each kind a policy needs to keep to limits, or how a number of them is best split.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "search/evaluator.hpp"
#include "search/objective.hpp"
#include "search/plan_search.hpp"
#include "search/statistics.hpp"
#include "search/study_store.hpp"

namespace switchyard {

// What is said of some numbers of replicas: all limits are kept, one is broken, the seeds do not tell, or there are too
// few for any verdict.
enum class Keeps : std::uint8_t { yes, no, open, unknown };
std::string keeps_text(Keeps verdict);  // "kept", "broken", "open", "-"

// A policy on some numbers of replicas.
struct PlanPoint {
  Counts counts;
  std::string failure;                              // why it failed; then no figure holds, and the limits are broken
  std::vector<std::vector<double>> limits_by_seed;  // their figures: [constraint][seed]
  std::vector<double> by_seed;                      // objective
  // From the first arrival to the last completion, of a replica; less where it was not there all the time.
  std::vector<double> hours_by_seed;

  // What derive_plan adds.
  std::vector<Interval> limits;  // by constraint; together they hold with 95% for all that the answer rests on
  Interval value;                // objective
  Keeps keeps = Keeps::unknown;
  bool within = false;   // the means keep the limits
  double gpu_hours = 0;  // of the replicas, whether busy or not; mean over seeds
};

struct PlanRow {
  std::string policy;              // canonical spec
  bool clairvoyant = false;        // knows output lengths: never deployable
  std::vector<PlanPoint> points;   // what was measured, in the order of the counts
  std::optional<Counts> shown;     // the cheapest that are shown to keep the limits; none: none, or one seed
  std::optional<Counts> by_means;  // the cheapest whose means keep them
  std::optional<Counts> possible;  // the cheapest that are not shown to break them; none: none, or one seed
  // Of a split: those of the best objective among those that keep the limits by their means, and others that the paired
  // test does not tell from them.
  std::optional<Counts> best;
  std::vector<Counts> not_told_from_best;
  std::string not_monotone;  // two points of which the one with more replicas is the worse; then bisection may be wrong

  const PlanPoint* point(const Counts& counts) const;  // null: not measured
};

struct Plan {
  Goal goal;
  std::string scenario;
  std::string workload;
  std::string cost;
  std::string seeds;  // held-out ones
  std::size_t num_seeds = 0;
  std::vector<PlannedKind> kinds;
  std::optional<std::int32_t> total;  // replicas to be split among the kinds; none: the cheapest numbers are wanted
  bool exhaustive = false;            // all numbers are measured
  std::vector<PlanRow> rows;          // in the order of the policies
};

// What one interval leaves out, so that the answer holds with 95%. Along one kind the sizes are a fixed sequence of
// tests, from the largest down, of which the first that fails ends it: no correction (Maurer, Hothorn, Lehmacher 1995).
// Numbers of the other kinds, and the limits, are corrected for by Bonferroni's inequality.
double plan_alpha(const Plan& plan);

// The points of these policies, by their places, on these numbers of replicas, in the same order.
using PlanMeasure = std::function<std::vector<PlanPoint>(const Counts& counts, const std::vector<std::size_t>& rows)>;

// Measures what settles the questions and derives the answers. `plan` has all but points.
void settle_plan(Plan& plan, const PlanMeasure& measure);

// The scenario with these numbers of replicas: of its groups, if it has any.
Scenario with_counts(const Scenario& scenario, const Counts& counts);

// The kinds of replica of a scenario, with the GPUs that their profiles speak of. Throws InputError.
std::vector<PlannedKind> kinds_of(const Scenario& scenario);

// On held-out seeds; all policies and numbers of replicas face the same workloads. `plan` has goal, kinds, total and
// exhaustive. Does not depend on `threads`. Replays that the store knows are not run again; others are written down in
// it. Throws InputError for bad scenarios.
void run_plan(Plan& plan, const Scenario& scenario, const std::vector<PolicySpec>& policies, int threads,
              const Progress& progress = {}, StudyStore* store = nullptr);

}  // namespace switchyard
