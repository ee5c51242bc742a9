#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <sstream>
#include <thread>

#include "core/input/error.hpp"
#include "core/input/write_file.hpp"
#include "results/run_folder.hpp"
#include "search/cli/command.hpp"
#include "search/cli/format_flag.hpp"
#include "search/cli/options.hpp"
#include "search/cli/progress.hpp"
#include "search/distributions.hpp"
#include "search/statistics.hpp"
#include "search/study.hpp"

namespace switchyard {

namespace {

int threads_from(const Options& options) {
  const auto cores = static_cast<std::int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  return static_cast<int>(options.whole("threads", cores, 1, 1024));
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) parts.push_back(part);
  return parts;
}

}  // namespace

Options declare_search() {
  Options options("search --scenario NAME --policy NAME[,NAME...]|all [--method grid|random] --out DIR",
                  "Tunes policies on training seeds, runs the leaders on held-out seeds, and ranks them by the mean "
                  "end-to-end time there.\nexample: switchyard search --scenario azure-conv --policy all --trials 20 "
                  "--out out/search");
  options.value("policy", "policies to tune: names, comma between, or all", policy_names())
      .value("method", "grid or random (default)", {"grid", "random"})
      .value("trials", "random: settings per policy (default 100)")
      .value("grid-points", "grid: points per numeric parameter (default 5)")
      .value("leaders", "settings per policy that are judged on held-out seeds, besides its default (default 1)")
      .value("study-seed", "seed of the search itself (default 1)")
      .value("threads", "worker threads (default: all cores); no result depends on it")
      .value("out", "folder for leaderboard, trials and configuration")
      .toggle("quiet", "no progress on stderr")
      .scenario_flags();
  declare_format(options);
  return options;
}

int command_search(const Options& options) {
  StudyOptions study;
  study.method = options.text("method", "random");
  study.sampler.trials = static_cast<std::size_t>(options.whole("trials", 100, 1, 1'000'000));
  study.sampler.grid_points = static_cast<std::size_t>(options.whole("grid-points", 5, 1, 10'000));
  study.sampler.study_seed = static_cast<std::uint64_t>(options.whole("study-seed", 1, 0, INT64_MAX));
  study.leaders = static_cast<std::size_t>(options.whole("leaders", 1, 1, 1000));
  study.threads = threads_from(options);
  const TableFormat format = format_from(options);
  if (options.has("trials") && study.method == "grid") throw InputError("--trials: has no effect with --method grid");
  if (options.has("grid-points") && study.method == "random") {
    throw InputError("--grid-points: has no effect with --method random");
  }
  if (!options.has("policy")) throw InputError("--policy: is missing: names, or all");
  if (options.text("policy") == "all") {
    for (const PolicyInfo& info : registered_policies()) {
      const bool listed = info.group != PolicyGroup::builder && info.group != PolicyGroup::reference;
      if (listed) study.policies.push_back(&info);
    }
  } else {
    for (const std::string& name : split(options.text("policy"))) {
      study.policies.push_back(&find_policy(name, "--policy"));
    }
  }
  for (const PolicyInfo* info : study.policies) make_sampler(study.method, info->name, info->params, study.sampler);
  const Experiment experiment(options.scenario());
  if (options.has("out")) prepare_folder(options.text("out"));
  const StudyResult result = run_study(experiment, study, progress_for(options));
  if (options.has("out")) {
    write_study(options.text("out"), experiment, study, result);
    write_file(std::filesystem::path(options.text("out")) / "distributions.json",
               distributions_json(experiment, result.leaderboard, study.threads));
  }
  std::cout << render(result.leaderboard, format, style_for(STDOUT_FILENO));
  if (!options.has("quiet")) std::cerr << fmt::format("{} replays in {:.1f} s\n", result.replays, result.seconds);
  return 0;
}

Options declare_compare() {
  Options options("compare SPEC SPEC... --scenario NAME",
                  "Runs policies on the same held-out seeds and says which differences are real.\n"
                  "example: switchyard compare llq 'hra(safety=0.05)' --scenario chat-pressure",
                  1000);
  options.value("threads", "worker threads (default: all cores); no result depends on it")
      .toggle("quiet", "no progress on stderr")
      .scenario_flags();
  declare_format(options);
  return options;
}

int command_compare(const Options& options) {
  const TableFormat format = format_from(options);
  if (options.words().size() < 2) throw InputError("compare: give at least two policy specs");
  const Experiment experiment(options.scenario());
  const int threads = threads_from(options);
  std::vector<PolicySpec> policies;
  for (const std::string& spec : options.words()) policies.push_back(parse_policy(spec, "compare"));
  const std::vector<Outcome> training =
      evaluate(experiment, policies, experiment.scenario().train_seeds.seeds(), threads, progress_for(options));
  std::vector<Trial> trials;
  for (std::size_t i = 0; i < policies.size(); ++i) trials.push_back({policies[i], training[i]});
  const Leaderboard leaderboard = judge(experiment, trials, threads, progress_for(options));
  std::cout << render(leaderboard, format, style_for(STDOUT_FILENO));
  if (format != TableFormat::table) return 0;
  for (std::size_t i = 0; i < leaderboard.rows.size(); ++i) {
    for (std::size_t k = i + 1; k < leaderboard.rows.size(); ++k) {
      const LeaderboardRow &a = leaderboard.rows[i], &b = leaderboard.rows[k];
      if (!a.failure.empty() || !b.failure.empty()) continue;
      const Interval change = relative_change(a.held_out, b.held_out);
      const bool real = distinguishable(a.held_out, b.held_out);
      std::cout << fmt::format("{} against {}: {:+.2f}% [{:+.2f}, {:+.2f}]: {}\n", a.policy, b.policy,
                               100 * change.value, 100 * change.low, 100 * change.high,
                               real ? "a real difference" : "not distinguishable");
    }
  }
  return 0;
}

Options declare_leaderboard() {
  Options options("leaderboard DIR [DIR...] [--format table|markdown|csv|json]",
                  "Shows what searches left behind; several of the same scenario and seeds are ranked together.\n"
                  "example: switchyard leaderboard out/search --format markdown",
                  1000);
  declare_format(options);
  return options;
}

int command_leaderboard(const Options& options) {
  const TableFormat format = format_from(options);
  if (options.words().empty()) throw InputError("leaderboard: give at least one folder that a search wrote");
  std::vector<Leaderboard> leaderboards;
  for (const std::string& folder : options.words()) leaderboards.push_back(load_leaderboard(folder));
  std::cout << render(merge(leaderboards), format, style_for(STDOUT_FILENO));
  return 0;
}

}  // namespace switchyard
