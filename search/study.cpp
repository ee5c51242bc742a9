#include "search/study.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "core/input/json_text.hpp"
#include "search/judge.hpp"

namespace switchyard {

namespace {

// Batches in a row without a new replay after which a method is taken to have run out of settings.
constexpr int kMostIdle = 25;

constexpr std::size_t kMostFinalists = 10;
constexpr std::size_t kValidationShare = 8;  // at most one part in so many of a budget goes on validation

double cost_of(const Ledger& ledger, const Goal& goal, std::size_t trial, std::uint64_t seed) {
  return goal.objective.cost(goal.objective.of(ledger.result(trial, seed).summary));
}

double mean_cost(const Ledger& ledger, const Goal& goal, std::size_t trial, std::span<const std::uint64_t> seeds) {
  double sum = 0;
  for (const std::uint64_t seed : seeds) sum += cost_of(ledger, goal, trial, seed);
  return sum / static_cast<double>(seeds.size());
}

double scale_of(double cost) { return cost == 0 ? 1 : std::abs(cost); }

// How far the means over all of `order` lie outside the constraints, in all. Of a trial that has run on the first of
// these seeds alone they are what they were if it stood to the reference on all as it does on those: the first are the
// hardest.
double total_excess(const Ledger& ledger, const Goal& goal, std::size_t trial, std::size_t reference,
                    const std::vector<std::uint64_t>& order, const std::vector<std::uint64_t>& seeds) {
  const Summary mean = mean_of(ledger.summaries(trial, seeds));
  const Summary reference_mean = mean_of(ledger.summaries(reference, seeds));
  const Summary reference_all = mean_of(ledger.summaries(reference, order));
  double excess = 0;
  for (const Constraint& constraint : goal.constraints) {
    const auto get = [&](const Summary& summary) { return constraint.of(summary); };
    const double there = get(reference_mean);
    excess += constraint.excess(there == 0 ? get(mean) : get(mean) * (get(reference_all) / there));
  }
  return excess;
}

Answer answer(const Ledger& ledger, const Goal& goal, std::size_t trial, std::size_t reference,
              const std::vector<std::uint64_t>& order, std::size_t num_seeds) {
  const std::vector<std::uint64_t> seeds(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(num_seeds));
  Answer answer;
  answer.failed = !ledger.failure(trial, seeds).empty();
  if (answer.failed) return answer;
  answer.relative = mean_cost(ledger, goal, trial, seeds) / scale_of(mean_cost(ledger, goal, reference, seeds));
  if (!goal.constraints.empty()) {
    const double excess = total_excess(ledger, goal, trial, reference, order, seeds);
    if (excess > 0) answer.relative += 1 + excess;  // worse than twice the default, and the more so the further out
  }
  const double scale = scale_of(mean_cost(ledger, goal, reference, order));
  for (const std::uint64_t seed : seeds) answer.by_seed.push_back(cost_of(ledger, goal, trial, seed) / scale);
  return answer;
}

bool is_default(const PolicySpec& policy) { return policy.values == default_values(policy.info->params); }

// Those of `seeds` that the trial has run on.
std::vector<std::uint64_t> known_seeds(const Ledger& ledger, std::size_t trial, std::vector<std::uint64_t> seeds) {
  std::erase_if(seeds, [&](std::uint64_t seed) { return !ledger.knows(trial, seed); });
  return seeds;
}

// How a trial did; `reference` is its policy's default setting. Without validation seeds, by training alone.
TrialScore score_trial(const Ledger& ledger, const Goal& goal, std::size_t trial, std::size_t reference,
                       std::vector<std::uint64_t> validation) {
  const std::vector<std::uint64_t> training = known_seeds(ledger, trial, ledger.scenario().train_seeds.seeds());
  const bool finalist = !validation.empty() && known_seeds(ledger, trial, validation).size() == validation.size();
  if (!finalist) validation.clear();
  TrialScore score{.trial = trial, .num_seeds = training.size()};
  if (training.empty()) return score;
  std::vector<std::uint64_t> all = training;
  all.insert(all.end(), validation.begin(), validation.end());
  score.failure = ledger.failure(trial, all);
  if (!score.failure.empty()) return score;
  score.value = goal.objective.cost(mean_cost(ledger, goal, trial, training));
  if (finalist) score.validation = goal.objective.cost(mean_cost(ledger, goal, trial, validation));
  score.infeasible = broken_constraints(goal, mean_of(ledger.summaries(trial, all)));
  const bool comparable = std::all_of(training.begin(), training.end(), [&](std::uint64_t seed) {
    return ledger.knows(reference, seed) && ledger.result(reference, seed).failure.empty();
  });
  if (comparable) {
    score.relative = score.value / scale_of(goal.objective.cost(mean_cost(ledger, goal, reference, training)));
  }
  return score;
}

// The mean over training and, of a finalist, validation seeds.
double chosen_by(const Ledger& ledger, const TrialScore& score) {
  if (!score.validation) return score.value;
  const auto n = static_cast<double>(score.num_seeds);
  const auto m = static_cast<double>(ledger.scenario().validation_seeds.seeds().size());
  return (n * score.value + m * *score.validation) / (n + m);
}

std::vector<TrialScore> ranked_by(const Ledger& ledger, const Goal& goal, const PolicyInfo& policy,
                                  const std::vector<std::uint64_t>& validation) {
  const std::size_t num_training = ledger.scenario().train_seeds.seeds().size();
  std::size_t reference = 0;
  for (std::size_t trial = 0; trial < ledger.num_trials(); ++trial) {
    if (ledger.policy(trial).info == &policy && is_default(ledger.policy(trial))) reference = trial;
  }
  std::vector<TrialScore> scores;
  for (std::size_t trial = 0; trial < ledger.num_trials(); ++trial) {
    if (ledger.policy(trial).info != &policy) continue;
    scores.push_back(score_trial(ledger, goal, trial, reference, validation));
  }
  const auto key = [&](const TrialScore& score) {
    return std::tuple(score.trial != reference, score.num_seeds < num_training, !score.failure.empty(),
                      !score.infeasible.empty(), !score.validation, goal.objective.cost(chosen_by(ledger, score)));
  };
  std::stable_sort(scores.begin(), scores.end(),
                   [&](const TrialScore& a, const TrialScore& b) { return key(a) < key(b); });
  return scores;
}

std::size_t num_finalists(const StudyOptions& options, bool unlimited, std::size_t num_validation_seeds) {
  const std::size_t affordable = options.replays / (kValidationShare * num_validation_seeds);
  const std::size_t finalists = unlimited ? kMostFinalists : std::min(kMostFinalists, affordable);
  return finalists < 2 ? 0 : finalists;  // of one there is nothing to choose
}

// Runs the best settings by training seeds on the validation seeds; returns the replays that it took. What a resumed
// study knows of validation already must not change which they are.
std::size_t validate(Ledger& ledger, const Goal& goal, const PolicyInfo& info, std::size_t finalists) {
  const Scenario& scenario = ledger.scenario();
  const std::size_t num_training = scenario.train_seeds.seeds().size();
  const std::vector<std::uint64_t> seeds = scenario.validation_seeds.seeds();
  std::vector<std::size_t> trials;
  for (const TrialScore& score : ranked_by(ledger, goal, info, {})) {
    const bool eligible = score.num_seeds == num_training && score.failure.empty() && score.infeasible.empty();
    if (eligible && !is_default(ledger.policy(score.trial)) && trials.size() < finalists) trials.push_back(score.trial);
  }
  if (trials.size() < 2) return 0;
  ledger.run(trials, seeds);
  return trials.size() * seeds.size();
}

// Tunes one policy; returns the replays that its budget was spent on.
std::size_t tune(Ledger& ledger, const StudyOptions& options, const PolicyInfo& info, std::size_t reference,
                 const std::vector<std::uint64_t>& seeds) {
  const bool unlimited = options.method == "grid" || options.budget_s;
  const std::size_t num_validation_seeds = ledger.scenario().validation_seeds.seeds().size();
  const std::size_t finalists = num_finalists(options, unlimited, num_validation_seeds);
  const std::size_t budget = unlimited ? SIZE_MAX / 2 : options.replays - finalists * num_validation_seeds;
  const auto method = make_method(options.method, info.name, info.params,
                                  {.grid_points = options.grid_points,
                                   .study_seed = options.study_seed,
                                   .num_seeds = seeds.size(),
                                   .replays = unlimited ? 1'000'000 : budget,
                                   .starts = info.starts});
  const auto started = std::chrono::steady_clock::now();
  // The default setting is the first trial of every search.
  std::set<Ledger::Request> used;
  for (const std::uint64_t seed : seeds) used.emplace(ledger.trial({&info, default_values(info.params)}), seed);
  for (int idle = 0; idle < kMostIdle;) {
    if (options.budget_s &&
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count() >= *options.budget_s) {
      break;
    }
    const std::vector<Query> queries = method->ask(budget - std::min(budget, used.size()));
    if (queries.empty()) break;
    std::vector<std::size_t> trials;
    std::vector<Ledger::Request> requests;
    const std::size_t before = used.size();
    for (const Query& query : queries) {
      trials.push_back(ledger.trial({&info, query.values}));
      for (std::size_t s = 0; s < query.num_seeds; ++s) {
        requests.emplace_back(trials.back(), seeds[s]);
        used.insert(requests.back());
      }
    }
    idle = used.size() == before ? idle + 1 : 0;
    ledger.expect(before, unlimited ? 0 : budget);
    ledger.run(requests);
    std::vector<Answer> answers;
    for (std::size_t i = 0; i < queries.size(); ++i) {
      answers.push_back(answer(ledger, options.goal, trials[i], reference, seeds, queries[i].num_seeds));
    }
    method->tell(answers);
  }
  return used.size() + (finalists > 0 ? validate(ledger, options.goal, info, finalists) : 0);
}

}  // namespace

std::vector<std::uint64_t> seed_order(const Ledger& ledger, const Goal& goal, std::size_t reference,
                                      std::vector<std::uint64_t> seeds) {
  std::stable_sort(seeds.begin(), seeds.end(), [&](std::uint64_t a, std::uint64_t b) {
    return std::abs(cost_of(ledger, goal, reference, a)) > std::abs(cost_of(ledger, goal, reference, b));
  });
  return seeds;
}

std::vector<TrialScore> ranked_trials(const Ledger& ledger, const Goal& goal, const PolicyInfo& policy) {
  return ranked_by(ledger, goal, policy, ledger.scenario().validation_seeds.seeds());
}

StudyResult run_study(Ledger& ledger, const StudyOptions& options) {
  const std::vector<std::uint64_t> seeds = ledger.scenario().train_seeds.seeds();
  std::vector<std::size_t> judged = {ledger.trial(parse_policy("lor", "")), ledger.trial(parse_policy("llq", ""))};
  const std::size_t llq = judged[1];
  for (const PolicyInfo* info : options.policies) judged.push_back(ledger.trial({info, default_values(info->params)}));
  ledger.run(judged, seeds);
  StudyResult result;
  for (const PolicyInfo* info : options.policies) {
    if (info->params.empty()) continue;
    const std::size_t own = ledger.trial({info, default_values(info->params)});
    const std::size_t reference = ledger.failure(own, seeds).empty() ? own : llq;
    result.training_replays +=
        tune(ledger, options, *info, reference, seed_order(ledger, options.goal, reference, seeds));
    std::size_t leaders = 0;
    for (const TrialScore& score : ranked_trials(ledger, options.goal, *info)) {
      if (score.trial == own || score.num_seeds < seeds.size() || leaders == options.leaders) continue;
      judged.push_back(score.trial);
      ++leaders;
    }
  }
  result.leaderboard = judge(ledger, options.goal, judged);
  result.leaderboard.reproducible = !options.budget_s;
  return result;
}

std::string study_config(const Subject& subject, const StudyOptions& options, const std::filesystem::path& folder) {
  std::string policies;
  for (const PolicyInfo* info : options.policies) policies += (policies.empty() ? "" : ",") + info->name;
  nlohmann::ordered_json config = {{"version", kConfigVersion}, {"policy", policies}, {"method", options.method}};
  if (options.method == "grid") {
    config["grid-points"] = options.grid_points;
  } else if (options.budget_s) {
    config["budget-s"] = *options.budget_s;
  } else {
    config["replays"] = options.replays;
  }
  config["objective"] = options.goal.objective.text();
  if (!options.goal.constraints.empty()) config["constraint"] = format_constraints(options.goal.constraints);
  config["study-seed"] = options.study_seed;
  config["leaders"] = options.leaders;
  config["scenario"] = ordered_json_of(scenario_json(seen_from(folder, subject.scenario)));
  if (!subject.digest.empty()) {
    config["resolved"] = {
        {"digest", subject.digest}, {"workload_source", subject.workload}, {"cost_source", subject.cost}};
  }
  return json_text(config, 2) + "\n";
}

}  // namespace switchyard
