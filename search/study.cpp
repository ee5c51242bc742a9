#include "search/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "core/input/write_file.hpp"
#include "search/statistics.hpp"

namespace switchyard {

namespace {

Spread spread(const Interval& interval) { return {interval.value, interval.low, interval.high}; }

Summary mean_of(const std::vector<Summary>& summaries) {
  Summary mean;
  const auto n = static_cast<double>(summaries.size());
  auto average = [&](auto Summary::*member) {
    double sum = 0;
    for (const Summary& summary : summaries) sum += static_cast<double>(summary.*member);
    using Value = std::remove_reference_t<decltype(mean.*member)>;
    if constexpr (std::is_integral_v<Value>) {
      mean.*member = static_cast<Value>(sum / n + 0.5);
    } else {
      mean.*member = sum / n;
    }
  };
  average(&Summary::num_requests);
  average(&Summary::num_batches);
  average(&Summary::num_restarts);
  average(&Summary::num_extrapolated_batches);
  for (double Summary::*member :
       {&Summary::mean_e2e_s, &Summary::p50_e2e_s, &Summary::p90_e2e_s, &Summary::p99_e2e_s, &Summary::mean_ttft_s,
        &Summary::p99_ttft_s, &Summary::mean_tpot_s, &Summary::p99_tpot_s, &Summary::longest_queue_wait_s,
        &Summary::makespan_s, &Summary::throughput_rps, &Summary::kv_use_mean, &Summary::kv_use_peak,
        &Summary::imbalance}) {
    average(member);
  }
  return mean;
}

bool is_default(const PolicySpec& policy) { return policy.values == default_values(policy.info->params); }

}  // namespace

Leaderboard judge(const Experiment& experiment, const std::vector<Trial>& trials, int threads,
                  const Progress& progress) {
  const Scenario& scenario = experiment.scenario();
  std::vector<PolicySpec> policies = {parse_policy("lor", ""), parse_policy("llq", "")};
  for (const Trial& trial : trials) policies.push_back(trial.policy);
  const std::vector<Outcome> outcomes =
      evaluate(experiment, policies, scenario.held_out_seeds.seeds(), threads, progress);
  Leaderboard leaderboard = {.scenario = scenario.name,
                             .workload = experiment.workload(scenario.held_out_seeds.seeds().front())->source,
                             .cost = experiment.cost_description(),
                             .train_seeds = format_seed_range(scenario.train_seeds),
                             .held_out_seeds = format_seed_range(scenario.held_out_seeds),
                             .intervals = interval_method()};
  const std::vector<double> lor = outcomes[0].e2e();
  const std::vector<double> llq = outcomes[1].e2e();
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const Outcome& outcome = outcomes[i + 2];
    LeaderboardRow row = {.policy = trials[i].policy.text(), .is_default = is_default(trials[i].policy)};
    row.failure = !trials[i].training.failure.empty() ? trials[i].training.failure : outcome.failure;
    if (row.failure.empty()) {
      row.held_out = outcome.e2e();
      row.training_e2e = spread(mean_interval(trials[i].training.e2e()));
      row.held_out_e2e = spread(mean_interval(row.held_out));
      row.change_against_lor = spread(relative_change(row.held_out, lor));
      row.change_against_llq = spread(relative_change(row.held_out, llq));
      row.metrics = mean_of(outcome.by_seed);
    }
    leaderboard.rows.push_back(std::move(row));
  }
  sort_rows(leaderboard);
  for (std::size_t i = 0; i < leaderboard.rows.size(); ++i) {
    LeaderboardRow& row = leaderboard.rows[i];
    if (!row.failure.empty()) continue;
    for (std::size_t k = 0; k < i && row.not_distinguishable_from == 0; ++k) {
      if (!distinguishable(row.held_out, leaderboard.rows[k].held_out)) {
        row.not_distinguishable_from = static_cast<int>(k) + 1;
      }
    }
  }
  return leaderboard;
}

StudyResult run_study(const Experiment& experiment, const StudyOptions& options, const Progress& progress) {
  const auto started = std::chrono::steady_clock::now();
  const std::vector<std::uint64_t> seeds = experiment.scenario().train_seeds.seeds();
  StudyResult result;
  std::set<std::string> known;
  std::vector<PolicySpec> batch;
  auto add = [&](PolicySpec policy) {
    if (known.insert(policy.text()).second) batch.push_back(std::move(policy));
  };
  auto run = [&] {
    std::vector<Outcome> outcomes = evaluate(experiment, batch, seeds, options.threads, progress);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      result.trials.push_back({std::move(batch[i]), std::move(outcomes[i])});
    }
    result.replays += batch.size() * seeds.size();
    batch.clear();
  };

  add(parse_policy("lor", ""));
  add(parse_policy("llq", ""));
  for (const PolicyInfo* info : options.policies) add({info, default_values(info->params)});
  run();
  const std::size_t defaults = result.trials.size();
  std::vector<std::size_t> judged(defaults);
  for (std::size_t i = 0; i < defaults; ++i) judged[i] = i;

  for (const PolicyInfo* info : options.policies) {
    if (info->params.empty()) continue;
    const std::size_t first = result.trials.size();
    const auto sampler = make_sampler(options.method, info->name, info->params, options.sampler);
    for (auto asked = sampler->ask(); !asked.empty(); asked = sampler->ask()) {
      std::vector<std::string> specs;
      for (ParamValues& values : asked) {
        PolicySpec policy{info, std::move(values)};
        specs.push_back(policy.text());
        add(std::move(policy));
      }
      run();
      std::vector<double> scores;
      for (const std::string& spec : specs) {
        const auto trial = std::find_if(result.trials.begin(), result.trials.end(),
                                        [&](const Trial& candidate) { return candidate.policy.text() == spec; });
        scores.push_back(trial->training.mean_e2e());
      }
      sampler->tell(scores);
    }
    std::vector<std::size_t> order;
    for (std::size_t i = first; i < result.trials.size(); ++i) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return result.trials[a].training.mean_e2e() < result.trials[b].training.mean_e2e();
    });
    if (order.size() > options.leaders) order.resize(options.leaders);
    judged.insert(judged.end(), order.begin(), order.end());
  }
  std::vector<Trial> leaders;
  for (const std::size_t i : judged) leaders.push_back(result.trials[i]);
  result.leaderboard = judge(experiment, leaders, options.threads, progress);
  result.replays += (leaders.size() + 2) * experiment.scenario().held_out_seeds.seeds().size();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  return result;
}

void write_study(const std::filesystem::path& folder, const Experiment& experiment, const StudyOptions& options,
                 const StudyResult& result) {
  std::string trials = "trial,policy,training_e2e_s,failure\n";
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    const Trial& trial = result.trials[i];
    const bool failed = !trial.training.failure.empty();
    fmt::format_to(std::back_inserter(trials), "{},\"{}\",{},\"{}\"\n", i, trial.policy.text(),
                   failed ? "" : fmt::format("{}", trial.training.mean_e2e()), trial.training.failure);
  }
  nlohmann::ordered_json config = {{"version", 1},
                                   {"method", options.method},
                                   {"trials", options.sampler.trials},
                                   {"grid_points", options.sampler.grid_points},
                                   {"study_seed", options.sampler.study_seed},
                                   {"leaders", options.leaders}};
  for (const PolicyInfo* info : options.policies) config["policies"].push_back(info->name);
  config["scenario"] = nlohmann::ordered_json::parse(scenario_json(experiment.scenario()));
  const nlohmann::ordered_json timings = {{"version", 1},
                                          {"threads", options.threads},
                                          {"replays", result.replays},
                                          {"seconds", result.seconds},
                                          {"replays_per_second", static_cast<double>(result.replays) / result.seconds},
                                          {"folder", folder.string()}};
  write_file(folder / "leaderboard.json", render(result.leaderboard, TableFormat::json));
  write_file(folder / "leaderboard.csv", render(result.leaderboard, TableFormat::csv));
  write_file(folder / "leaderboard.md", render(result.leaderboard, TableFormat::markdown));
  write_file(folder / "trials.csv", trials);
  write_file(folder / "config.json", config.dump(2) + "\n");
  write_file(folder / "timings.json", timings.dump(2) + "\n");
}

}  // namespace switchyard
