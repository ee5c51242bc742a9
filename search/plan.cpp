#include "search/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/cost/source.hpp"
#include "core/scenario/groups.hpp"
#include "search/ledger.hpp"

namespace switchyard {

namespace {

constexpr double kSecondsPerHour = 3600;

// Tests of the limit by what the values differ from it: where they all do by one same amount, as shares of 1 do, six
// seeds are wanted.
Interval interval_of(const std::vector<double>& values, double limit, double alpha) {
  const std::vector<double> limits(values.size(), limit);
  const Interval difference = mean_difference(values, limits, alpha);
  return {mean_of(values), limit + difference.low, limit + difference.high};
}

// All that is at least as good as `end` of the interval is within the limit.
bool is_within(const Constraint& constraint, double end) {
  return constraint.at_most ? end <= constraint.limit : end >= constraint.limit;
}

void derive_point(const Plan& plan, PlanPoint& point) {
  if (!point.failure.empty()) {
    point.keeps = Keeps::no;
    return;
  }
  const double alpha = plan_alpha(plan);
  const std::vector<Constraint>& constraints = plan.goal.constraints;
  point.value = mean_interval(point.by_seed);
  point.gpu_hours = mean_of(point.hours_by_seed) * static_cast<double>(gpus_of(plan.kinds, point.counts));
  point.within = true;
  bool all_shown = true, broken = false;
  for (std::size_t c = 0; c < constraints.size(); ++c) {
    const Interval& interval =
        point.limits.emplace_back(interval_of(point.limits_by_seed[c], constraints[c].limit, alpha));
    point.within &= is_within(constraints[c], interval.value);
    all_shown &=
        interval.has_interval() && is_within(constraints[c], constraints[c].at_most ? interval.high : interval.low);
    broken |=
        interval.has_interval() && !is_within(constraints[c], constraints[c].at_most ? interval.low : interval.high);
  }
  point.keeps = plan.num_seeds < 2 ? Keeps::unknown : broken ? Keeps::no : all_shown ? Keeps::yes : Keeps::open;
}

Standing standing_of(const PlanPoint& point) {
  return {.shown = point.keeps == Keeps::yes,
          .within = point.failure.empty() && point.within,
          .possible = point.keeps != Keeps::no};
}

SplitValue split_value(const Plan& plan, const PlanPoint& point) {
  constexpr double kWorst = std::numeric_limits<double>::infinity();
  if (!point.failure.empty()) return {kWorst, kWorst};
  double excess = 0;
  for (std::size_t c = 0; c < plan.goal.constraints.size(); ++c) {
    excess += plan.goal.constraints[c].excess(point.limits[c].value);
  }
  return {excess, plan.goal.objective.cost(point.value.value)};
}

// What to measure next for a policy, and what is answered when nothing is.
std::optional<Counts> settle(const Plan& plan, PlanRow& row) {
  if (plan.exhaustive) {
    for (const Counts& counts : plan.total ? splits_of(plan.kinds, *plan.total) : all_counts(plan.kinds)) {
      if (row.point(counts) == nullptr) return counts;
    }
  }
  if (plan.total) {
    std::map<Counts, SplitValue> known;
    for (const PlanPoint& point : row.points) known[point.counts] = split_value(plan, point);
    const PlanStep step = best_split(splits_of(plan.kinds, *plan.total), known);
    row.best = step.found;
    return step.wanted;
  }
  std::map<Counts, Standing> known;
  for (const PlanPoint& point : row.points) known[point.counts] = standing_of(point);
  PlanStep step = cheapest_with(plan.kinds, known, &Standing::within);
  row.by_means = step.found;
  if (step.wanted || plan.num_seeds < 2) return step.wanted;
  step = cheapest_with(plan.kinds, known, &Standing::shown);
  row.shown = step.found;
  if (step.wanted) return step.wanted;
  step = cheapest_with(plan.kinds, known, &Standing::possible);
  row.possible = step.found;
  return step.wanted;
}

std::int32_t gpus_per_replica(const Scenario& scenario) {
  return scenario.cost_tables.empty() ? load_profile(scenario.profile).num_gpus : 1;
}

// By what it differs from other groups in: its role or its profile, if it has one.
std::string name_of(const ReplicaGroup& group) {
  for (const std::string key : {"role", "profile"}) {
    const auto found =
        std::find_if(group.fields.begin(), group.fields.end(), [&](const auto& f) { return f.first == key; });
    if (found != group.fields.end()) return found->second;
  }
  return "";
}

// Replicas that an autoscaler has drained, or not begun, cost nothing: the share of the time for which they were there.
double share_there(const Summary& summary, const Counts& counts) {
  const std::int64_t replicas = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  return summary.replica_hours / (static_cast<double>(replicas) * summary.makespan_s / kSecondsPerHour);
}

// Whether any replica decodes: a cluster of those that only prefill answers nobody, and is not simulated.
bool decodes(const Scenario& scenario) {
  return scenario.groups.empty() ||
         std::any_of(scenario.groups.begin(), scenario.groups.end(), [&](const ReplicaGroup& group) {
           return scenario_of_group(scenario, group).role != Role::prefill;
         });
}

bool has_more(const Counts& more, const Counts& less) {
  return more != less &&
         std::equal(more.begin(), more.end(), less.begin(), [](std::int32_t a, std::int32_t b) { return a >= b; });
}

std::string text_of(const Counts& counts) { return fmt::format("{}", fmt::join(counts, "+")); }

void find_contradictions(PlanRow& row) {
  for (const PlanPoint& less : row.points) {
    for (const PlanPoint& more : row.points) {
      const bool contradicts = less.keeps == Keeps::yes && more.keeps == Keeps::no;
      if (!has_more(more.counts, less.counts) || !contradicts) continue;
      row.not_monotone = fmt::format("{} replicas are shown to keep the limits, {} to break them", text_of(less.counts),
                                     text_of(more.counts));
      return;
    }
  }
}

void find_equals_of_best(const Plan& plan, PlanRow& row) {
  if (!row.best) return;
  const PlanPoint& best = *row.point(*row.best);
  const double others = static_cast<double>(std::max<std::size_t>(1, splits_of(plan.kinds, *plan.total).size() - 1));
  for (const PlanPoint& point : row.points) {
    if (point.counts == best.counts || !point.failure.empty() || !best.failure.empty()) continue;
    if (split_value(plan, point).first > split_value(plan, best).first) continue;
    if (paired_p_value(point.by_seed, best.by_seed) > kSignificance / others) {
      row.not_told_from_best.push_back(point.counts);
    }
  }
}

}  // namespace

std::string keeps_text(Keeps verdict) {
  switch (verdict) {
    case Keeps::yes:
      return "kept";
    case Keeps::no:
      return "broken";
    case Keeps::open:
      return "open";
    case Keeps::unknown:
      break;
  }
  return "-";
}

const PlanPoint* PlanRow::point(const Counts& counts) const {
  const auto found =
      std::find_if(points.begin(), points.end(), [&](const PlanPoint& point) { return point.counts == counts; });
  return found == points.end() ? nullptr : &*found;
}

double plan_alpha(const Plan& plan) {
  double tests = static_cast<double>(std::max<std::size_t>(1, plan.goal.constraints.size()));
  for (std::size_t k = 0; k + 1 < plan.kinds.size(); ++k) tests *= plan.kinds[k].most - plan.kinds[k].least + 1;
  return kSignificance / tests;
}

void settle_plan(Plan& plan, const PlanMeasure& measure) {
  while (true) {
    std::optional<Counts> wanted;
    std::vector<std::size_t> rows;  // that want the same
    for (std::size_t r = 0; r < plan.rows.size(); ++r) {
      const std::optional<Counts> next = settle(plan, plan.rows[r]);
      if (!next) continue;
      if (!wanted) wanted = next;
      if (*next == *wanted) rows.push_back(r);
    }
    if (!wanted) break;
    std::vector<PlanPoint> points = measure(*wanted, rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      points[i].counts = *wanted;
      derive_point(plan, points[i]);
      std::vector<PlanPoint>& of_row = plan.rows[rows[i]].points;
      const auto after =
          std::find_if(of_row.begin(), of_row.end(), [&](const PlanPoint& point) { return point.counts > *wanted; });
      of_row.insert(after, std::move(points[i]));
    }
  }
  for (PlanRow& row : plan.rows) {
    find_contradictions(row);
    find_equals_of_best(plan, row);
  }
}

Scenario with_counts(const Scenario& scenario, const Counts& counts) {
  Scenario made = scenario;
  for (std::size_t g = 0; g < made.groups.size(); ++g) made.groups[g].count = counts.at(g);
  std::erase_if(made.groups, [](const ReplicaGroup& group) { return group.count == 0; });
  made.replicas = std::accumulate(counts.begin(), counts.end(), 0);
  return made;
}

std::vector<PlannedKind> kinds_of(const Scenario& scenario) {
  if (scenario.groups.empty()) return {{.name = "replicas", .gpus = gpus_per_replica(scenario)}};
  std::vector<PlannedKind> kinds;
  for (const ReplicaGroup& group : scenario.groups) {
    const std::string name = name_of(group);
    const auto is_taken = [&](const PlannedKind& kind) { return kind.name == name; };
    const bool taken = std::any_of(kinds.begin(), kinds.end(), is_taken);
    kinds.push_back({.name = name.empty() || taken ? fmt::format("group {}", kinds.size() + 1) : name,
                     .gpus = gpus_per_replica(scenario_of_group(scenario, group))});
  }
  return kinds;
}

void run_plan(Plan& plan, const Scenario& scenario, const std::vector<PolicySpec>& policies, int threads,
              const Progress& progress, StudyStore* store) {
  for (const PolicySpec& policy : policies) {
    PlanRow& row = plan.rows.emplace_back();
    row.policy = policy.text();
    row.clairvoyant = policy.info->clairvoyant;
  }
  const std::vector<std::uint64_t> seeds = scenario.held_out_seeds.seeds();
  plan.scenario = scenario.name;
  plan.seeds = format_seed_range(scenario.held_out_seeds);
  plan.num_seeds = seeds.size();
  const RequestLimits& limits = plan.goal.objective.limits;
  const auto evaluator = make_evaluator(limits, threads);
  settle_plan(plan, [&](const Counts& counts, const std::vector<std::size_t>& rows) {
    const Scenario planned = with_counts(scenario, counts);
    if (!decodes(planned)) {
      PlanPoint none;
      none.failure = "no replica decodes";
      return std::vector<PlanPoint>(rows.size(), none);
    }
    const Experiment experiment(planned);
    if (plan.workload.empty()) {
      plan.workload = experiment.workload_title(seeds);
      plan.cost = experiment.cost_description();
    }
    const std::string key = evaluator->add(experiment);
    Ledger ledger(experiment, limits, *evaluator, store, progress);
    std::vector<std::size_t> trials;
    for (const std::size_t row : rows) trials.push_back(ledger.trial(policies[row]));
    ledger.run(trials, seeds);
    std::vector<PlanPoint> points;
    for (const std::size_t trial : trials) {
      PlanPoint& point = points.emplace_back();
      point.failure = ledger.failure(trial, seeds);
      if (!point.failure.empty()) continue;
      const std::vector<Summary> summaries = ledger.summaries(trial, seeds);
      point.by_seed = plan.goal.objective.by_seed(summaries);
      for (const Constraint& constraint : plan.goal.constraints) {
        std::vector<double>& values = point.limits_by_seed.emplace_back();
        for (const Summary& summary : summaries) values.push_back(constraint.of(summary));
      }
      for (const Summary& summary : summaries) {
        const double span_s = static_cast<double>(summary.num_requests) / summary.throughput_rps;
        point.hours_by_seed.push_back(span_s / kSecondsPerHour * share_there(summary, counts));
      }
    }
    evaluator->remove(key);
    return points;
  });
}

}  // namespace switchyard
