#include "search/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "search/judge.hpp"

namespace switchyard {

namespace {

// Batches in a row without a new replay after which a method is taken to have run out of settings.
constexpr int kMostIdle = 25;

constexpr std::size_t kMostFinalists = 10;
constexpr std::size_t kValidationShare = 8;  // at most one part in so many of a budget goes on validation

double cost_of(const Grid& grid, const Goal& goal, std::size_t trial, const Cell& cell) {
  return goal.objective.cost(goal.objective.of(grid.result(trial, cell).summary));
}

double mean_cost(const Grid& grid, const Goal& goal, std::size_t trial, const std::vector<Cell>& cells) {
  double sum = 0;
  for (const Cell& cell : cells) sum += cost_of(grid, goal, trial, cell);
  return sum / static_cast<double>(cells.size());
}

double scale_of(double cost) { return cost == 0 ? 1 : std::abs(cost); }

// The ratios of a trial's mean figures to another's, by scenario, as one number: that of the only scenario as it is.
// Above 0 whatever the objective.
double aggregate_of(const Grid& grid, const StudyOptions& options, std::size_t trial, std::size_t yardstick,
                    const std::vector<Cell>& cells) {
  const Objective& objective = options.goal.objective;
  double logs = 0, worst = 0, num = 0;
  for (const std::vector<Cell>& here : by_place(cells, grid.num_places())) {
    if (here.empty()) continue;
    const double ratio = objective.cost(mean_cost(grid, options.goal, trial, here)) /
                         scale_of(mean_cost(grid, options.goal, yardstick, here));
    if (num == 0 || objective.cost(ratio) > objective.cost(worst)) worst = ratio;
    logs += std::log(ratio);
    ++num;
  }
  return num == 1 || options.aggregate == Aggregate::worst ? worst : std::exp(logs / num);
}

// What a setting is worth by these cells: the objective's mean on one scenario, an aggregate of ratios on several.
double value_of(const Grid& grid, const StudyOptions& options, std::size_t trial, std::size_t yardstick,
                const std::vector<Cell>& cells) {
  if (grid.num_places() == 1) return options.goal.objective.cost(mean_cost(grid, options.goal, trial, cells));
  return aggregate_of(grid, options, trial, yardstick, cells);
}

// How far the means over all of `order` lie outside the constraints, in all. Of a trial that has run on the first of
// these seeds alone they are what they were if it stood to the reference on all as it does on those: the first are the
// hardest.
double total_excess(const Grid& grid, const Goal& goal, std::size_t trial, std::size_t reference,
                    const std::vector<Cell>& order, const std::vector<Cell>& cells) {
  const auto all = by_place(order, grid.num_places());
  const auto places = by_place(cells, grid.num_places());
  double excess = 0;
  for (std::size_t place = 0; place < places.size(); ++place) {
    if (places[place].empty()) continue;
    const Summary mean = mean_of(grid.summaries(trial, places[place]));
    const Summary reference_mean = mean_of(grid.summaries(reference, places[place]));
    const Summary reference_all = mean_of(grid.summaries(reference, all[place]));
    for (const Constraint& constraint : goal.constraints) {
      const auto get = [&](const Summary& summary) { return constraint.of(summary); };
      const double there = get(reference_mean);
      excess += constraint.excess(there == 0 ? get(mean) : get(mean) * (get(reference_all) / there));
    }
  }
  return excess;
}

// The constraints that the means over these cells break on any scenario, with what was found.
std::string broken_on(const Grid& grid, const Goal& goal, std::size_t trial, const std::vector<Cell>& cells) {
  std::string all;
  for (const std::vector<Cell>& here : by_place(cells, grid.num_places())) {
    if (here.empty()) continue;
    const std::string broken = broken_constraints(goal, mean_of(grid.summaries(trial, here)));
    if (broken.empty()) continue;
    if (!all.empty()) all += "; ";
    if (grid.num_places() > 1) all += grid.ledger(here[0].place).scenario().name + ": ";
    all += broken;
  }
  return all;
}

// The trials that others are measured by.
struct References {
  std::size_t own = 0;        // a policy's default setting, or llq where that fails
  std::size_t yardstick = 0;  // the reference policy
};

Answer answer(const Grid& grid, const StudyOptions& options, std::size_t trial, const References& references,
              const std::vector<Cell>& order, std::size_t num_cells) {
  const std::vector<Cell> cells(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(num_cells));
  const Goal& goal = options.goal;
  Answer answer;
  answer.failed = !grid.failure(trial, cells).empty();
  if (answer.failed) return answer;
  if (grid.num_places() == 1) {
    answer.relative = mean_cost(grid, goal, trial, cells) / scale_of(mean_cost(grid, goal, references.own, cells));
  } else {
    answer.relative = goal.objective.cost(aggregate_of(grid, options, trial, references.yardstick, cells)) /
                      scale_of(aggregate_of(grid, options, references.own, references.yardstick, cells));
  }
  if (!goal.constraints.empty()) {
    const double excess = total_excess(grid, goal, trial, references.own, order, cells);
    if (excess > 0) answer.relative += 1 + excess;  // worse than twice the default, and the more so the further out
  }
  std::vector<double> scales;
  for (const std::vector<Cell>& here : by_place(order, grid.num_places())) {
    scales.push_back(scale_of(mean_cost(grid, goal, references.own, here)));
  }
  for (const Cell& cell : cells) answer.by_seed.push_back(cost_of(grid, goal, trial, cell) / scales[cell.place]);
  return answer;
}

bool is_default(const PolicySpec& policy) { return policy.values == default_values(policy.info->params); }

// Those of `cells` that the trial has run on.
std::vector<Cell> known_cells(const Grid& grid, std::size_t trial, std::vector<Cell> cells) {
  std::erase_if(cells, [&](const Cell& cell) { return !grid.knows(trial, cell); });
  return cells;
}

// How a trial did. Without validation cells, by training alone.
TrialScore score_trial(const Grid& grid, const StudyOptions& options, std::size_t trial, const References& references,
                       std::vector<Cell> validation) {
  const std::vector<Cell> training = known_cells(grid, trial, grid.training_cells());
  const bool finalist = !validation.empty() && known_cells(grid, trial, validation).size() == validation.size();
  if (!finalist) validation.clear();
  TrialScore score{.trial = trial, .num_seeds = training.size()};
  if (training.empty()) return score;
  std::vector<Cell> all = training;
  all.insert(all.end(), validation.begin(), validation.end());
  score.failure = grid.failure(trial, all);
  if (!score.failure.empty()) return score;
  score.value = value_of(grid, options, trial, references.yardstick, training);
  if (finalist) score.validation = value_of(grid, options, trial, references.yardstick, validation);
  score.infeasible = broken_on(grid, options.goal, trial, all);
  const bool comparable = std::all_of(training.begin(), training.end(), [&](const Cell& cell) {
    return grid.knows(references.own, cell) && grid.result(references.own, cell).failure.empty();
  });
  if (comparable) {
    score.relative = score.value / scale_of(value_of(grid, options, references.own, references.yardstick, training));
  }
  return score;
}

// The mean over training and, of a finalist, validation seeds.
double chosen_by(const TrialScore& score, std::size_t num_validation) {
  if (!score.validation) return score.value;
  const auto n = static_cast<double>(score.num_seeds);
  const auto m = static_cast<double>(num_validation);
  return (n * score.value + m * *score.validation) / (n + m);
}

std::vector<TrialScore> ranked_by(const Grid& grid, const StudyOptions& options, const PolicyInfo& policy,
                                  const std::vector<Cell>& validation) {
  const std::size_t num_training = grid.training_cells().size();
  const std::string yardstick = parse_policy(options.reference, "study").text();
  References references;
  for (std::size_t trial = 0; trial < grid.num_trials(); ++trial) {
    if (grid.policy(trial).info == &policy && is_default(grid.policy(trial))) references.own = trial;
    if (grid.policy(trial).text() == yardstick) references.yardstick = trial;
  }
  std::vector<TrialScore> scores;
  for (std::size_t trial = 0; trial < grid.num_trials(); ++trial) {
    if (grid.policy(trial).info != &policy) continue;
    scores.push_back(score_trial(grid, options, trial, references, validation));
  }
  const auto key = [&](const TrialScore& score) {
    return std::tuple(score.trial != references.own, score.num_seeds < num_training, !score.failure.empty(),
                      !score.infeasible.empty(), !score.validation,
                      options.goal.objective.cost(chosen_by(score, validation.size())));
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
std::size_t validate(Grid& grid, const StudyOptions& options, const PolicyInfo& info, std::size_t yardstick,
                     std::size_t finalists) {
  const std::size_t num_training = grid.training_cells().size();
  const std::vector<Cell> cells = grid.validation_cells();
  std::vector<std::size_t> trials;
  for (const TrialScore& score : ranked_by(grid, options, info, {})) {
    const bool eligible = score.num_seeds == num_training && score.failure.empty() && score.infeasible.empty();
    if (eligible && !is_default(grid.policy(score.trial)) && trials.size() < finalists) trials.push_back(score.trial);
  }
  if (trials.size() < 2) return 0;
  const std::size_t replays = trials.size() * cells.size();
  // Their ratios are to it; like its replays on training seeds it costs no policy's budget.
  if (grid.num_places() > 1) trials.push_back(yardstick);
  grid.run(trials, cells);
  return replays;
}

// Tunes one policy; returns the replays that its budget was spent on.
std::size_t tune_policy(Grid& grid, const StudyOptions& options, const PolicyInfo& info, const References& references) {
  const std::vector<Cell> order = racing_order(grid, options.goal, references.own);
  const bool unlimited = options.method == "grid" || options.budget_s;
  const std::size_t num_validation = grid.validation_cells().size();
  const std::size_t finalists = num_finalists(options, unlimited, num_validation);
  const std::size_t budget = unlimited ? SIZE_MAX / 2 : options.replays - finalists * num_validation;
  const auto method = make_method(options.method, info.name, info.params,
                                  {.grid_points = options.grid_points,
                                   .study_seed = options.study_seed,
                                   .num_seeds = order.size(),
                                   .replays = unlimited ? 1'000'000 : budget,
                                   .width = options.width,
                                   .starts = info.starts});
  const auto started = std::chrono::steady_clock::now();
  // The default setting is the first trial of every search.
  using Run = std::pair<std::size_t, std::size_t>;  // trial, place in `order`
  std::set<Run> used;
  for (std::size_t c = 0; c < order.size(); ++c) used.emplace(grid.trial({&info, default_values(info.params)}), c);
  for (int idle = 0; idle < kMostIdle;) {
    if (options.budget_s &&
        std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count() >= *options.budget_s) {
      break;
    }
    const std::vector<Query> queries = method->ask(budget - std::min(budget, used.size()));
    if (queries.empty()) break;
    std::vector<std::size_t> trials;
    std::vector<std::pair<std::size_t, Cell>> requests;
    const std::size_t before = used.size();
    for (const Query& query : queries) {
      trials.push_back(grid.trial({&info, query.values}));
      for (std::size_t c = 0; c < query.num_seeds; ++c) {
        requests.emplace_back(trials.back(), order[c]);
        used.emplace(trials.back(), c);
      }
    }
    idle = used.size() == before ? idle + 1 : 0;
    grid.expect(before, unlimited ? 0 : budget);
    grid.run(requests);
    std::vector<Answer> answers;
    for (std::size_t i = 0; i < queries.size(); ++i) {
      answers.push_back(answer(grid, options, trials[i], references, order, queries[i].num_seeds));
    }
    method->tell(answers);
  }
  return used.size() + (finalists > 0 ? validate(grid, options, info, references.yardstick, finalists) : 0);
}

// Ratios to it are defined, on every seed.
void check_yardstick(const Grid& grid, const StudyOptions& options, std::size_t yardstick) {
  if (grid.num_places() == 1) return;
  const std::vector<Cell> cells = grid.training_cells();
  if (const std::string failure = grid.failure(yardstick, cells); !failure.empty()) {
    throw InputError(
        fmt::format("--reference: {}, which others are measured by, failed on {}", options.reference, failure));
  }
  for (const Cell& cell : cells) {
    if (cost_of(grid, options.goal, yardstick, cell) != 0) continue;
    throw InputError(fmt::format("--reference: {} of {} is 0 in {}, on seed {}: no ratio to it",
                                 options.goal.objective.text(), options.reference,
                                 grid.ledger(cell.place).scenario().name, cell.seed));
  }
}

const char* const kAggregates[] = {"geometric_mean", "worst"};

}  // namespace

std::vector<std::string> aggregate_names() { return {std::begin(kAggregates), std::end(kAggregates)}; }

Aggregate parse_aggregate(const std::string& name, std::string_view where) {
  for (const Aggregate aggregate : {Aggregate::geometric_mean, Aggregate::worst}) {
    if (aggregate_name(aggregate) == name) return aggregate;
  }
  throw unknown_name(where, "aggregate", name, aggregate_names());
}

std::string aggregate_name(Aggregate aggregate) { return kAggregates[static_cast<std::size_t>(aggregate)]; }

std::vector<Cell> racing_order(const Grid& grid, const Goal& goal, std::size_t reference) {
  auto places = by_place(grid.training_cells(), grid.num_places());
  std::size_t most = 0;
  for (std::vector<Cell>& cells : places) {
    std::stable_sort(cells.begin(), cells.end(), [&](const Cell& a, const Cell& b) {
      return std::abs(cost_of(grid, goal, reference, a)) > std::abs(cost_of(grid, goal, reference, b));
    });
    most = std::max(most, cells.size());
  }
  std::vector<Cell> order;
  for (std::size_t turn = 0; turn < most; ++turn) {
    for (const std::vector<Cell>& cells : places) {
      if (turn < cells.size()) order.push_back(cells[turn]);
    }
  }
  return order;
}

std::vector<TrialScore> ranked_trials(const Grid& grid, const StudyOptions& options, const PolicyInfo& policy) {
  return ranked_by(grid, options, policy, grid.validation_cells());
}

Tuning tune(Grid& grid, const StudyOptions& options) {
  for (Ledger* ledger : grid.ledgers()) ledger->set_width(options.width);
  Tuning tuning;
  const std::vector<Cell> cells = grid.training_cells();
  const std::size_t lor = grid.trial(parse_policy("lor", "")), llq = grid.trial(parse_policy("llq", ""));
  tuning.references = {lor, llq};
  References references{.yardstick = llq};
  if (grid.num_places() > 1) references.yardstick = grid.trial(parse_policy(options.reference, "--reference"));
  if (references.yardstick != lor && references.yardstick != llq) tuning.references.push_back(references.yardstick);
  std::vector<std::size_t> first = tuning.references;
  for (const PolicyInfo* info : options.policies) {
    tuning.policies.push_back({grid.trial({info, default_values(info->params)}), {}});
    first.push_back(tuning.policies.back().own);
  }
  grid.run(first, cells);
  check_yardstick(grid, options, references.yardstick);
  for (std::size_t p = 0; p < options.policies.size(); ++p) {
    const PolicyInfo& info = *options.policies[p];
    TunedPolicy& tuned = tuning.policies[p];
    if (info.params.empty()) continue;
    references.own = grid.failure(tuned.own, cells).empty() ? tuned.own : llq;
    tuning.replays += tune_policy(grid, options, info, references);
    for (const TrialScore& score : ranked_trials(grid, options, info)) {
      if (score.trial == tuned.own || score.num_seeds < cells.size() || tuned.leaders.size() == options.leaders) {
        continue;
      }
      tuned.leaders.push_back(score.trial);
    }
  }
  return tuning;
}

StudyResult run_study(Ledger& ledger, const StudyOptions& options) {
  Grid grid(ledger);
  const Tuning tuning = tune(grid, options);
  std::vector<std::size_t> judged = tuning.references;
  for (const TunedPolicy& tuned : tuning.policies) judged.push_back(tuned.own);
  for (const TunedPolicy& tuned : tuning.policies)
    judged.insert(judged.end(), tuned.leaders.begin(), tuned.leaders.end());
  StudyResult result;
  result.training_replays = tuning.replays;
  result.leaderboard = judge(ledger, options.goal, judged);
  result.leaderboard.reproducible = !options.budget_s;
  return result;
}

nlohmann::ordered_json search_config(const StudyOptions& options) {
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
  if (options.width > 0) config["width"] = options.width;
  return config;
}

std::string study_config(const Subject& subject, const StudyOptions& options, const std::filesystem::path& folder) {
  nlohmann::ordered_json config = search_config(options);
  config["scenario"] = ordered_json_of(scenario_json(seen_from(folder, subject.scenario)));
  if (!subject.digest.empty()) {
    config["resolved"] = {
        {"digest", subject.digest}, {"workload_source", subject.workload}, {"cost_source", subject.cost}};
  }
  return json_text(config, 2) + "\n";
}

}  // namespace switchyard
