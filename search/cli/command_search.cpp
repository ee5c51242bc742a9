#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "core/input/write_file.hpp"
#include "results/result_folder.hpp"
#include "search/cli/command.hpp"
#include "search/cli/format_flag.hpp"
#include "search/cli/progress.hpp"
#include "search/cli/search_flags.hpp"
#include "search/distributions.hpp"
#include "search/judge.hpp"
#include "search/pairwise.hpp"
#include "search/profile_study.hpp"
#include "search/spec_list.hpp"
#include "search/study_files.hpp"
#include "search/suite_files.hpp"
#include "search/suite_study_files.hpp"

namespace switchyard {

namespace {

std::vector<const PolicyInfo*> policies_from(const std::string& text) {
  if (text == "all") return all_policies();
  std::vector<const PolicyInfo*> policies;
  for (const std::string& name : list_from("policy", text)) policies.push_back(&find_policy(name, "--policy"));
  return policies;
}

std::vector<std::string> suites() {
  std::vector<std::string> names = suite_names();
  names.insert(names.begin(), "all");
  return names;
}

// The budget, as one of three flags says it.
void read_budget(const Options& options, std::size_t num_seeds, StudyOptions& study) {
  std::vector<std::string> given;
  for (const char* flag : {"trials", "replays", "budget-s"}) {
    if (options.has(flag)) given.emplace_back(flag);
  }
  if (given.size() > 1) throw InputError(fmt::format("--{}: contradicts --{}", given[0], given[1]));
  if (study.method == "grid" && !given.empty()) {
    throw InputError(fmt::format("--{}: has no effect with --method grid", given[0]));
  }
  if (study.method != "grid" && options.has("grid-points")) {
    throw InputError(fmt::format("--grid-points: has no effect with --method {}", study.method));
  }
  if (options.has("width") && !has_width(study.method)) {
    throw InputError(
        fmt::format("--width: has no effect with --method {}, whose rounds are as wide as they can be", study.method));
  }
  if (study.method == "halving" && options.has("budget-s")) {
    throw InputError("--budget-s: --method halving needs to know its budget in replays");
  }
  study.grid_points = static_cast<std::size_t>(options.whole("grid-points", 5, 1, 10'000));
  study.replays = static_cast<std::size_t>(options.whole("trials", 100, 1, 1'000'000)) * num_seeds;
  if (options.has("replays")) study.replays = static_cast<std::size_t>(options.whole("replays", 0, 1, 100'000'000));
  study.budget_s = positive_from(options, "budget-s", 1e7);
}

// What a study's configuration says of its budget in replays.
std::size_t budget_of(const std::string& config) { return ordered_json_of(config).value("replays", std::size_t{0}); }

}  // namespace

Options declare_search() {
  Options options(
      "search --scenario NAME|--suite NAME|FILE --policy NAME[,NAME...]|all [--method NAME] [--replays N] --out DIR "
      "[--resume]",
      "Tunes policies on training seeds, runs the leaders on held-out seeds, and ranks them by the "
      "objective there. With --suite or --scenarios one setting is tuned for several scenarios at once. Every replay "
      "is "
      "written down at once: a search that was stopped goes on with --resume.\n"
      "example: switchyard search --scenario azure-conv --policy all --trials 20 --out out/search\n"
      "example: switchyard search --scenario chat-pressure --policy memory_headroom --replays 2000 "
      "--constraint 'p99_e2e_s<=200' --out out/tuned\n"
      "example: switchyard search --suite v1 --policy interference_aware --train-over 'load=1,1.2' --replays 4000 "
      "--out "
      "out/everywhere");
  std::string known;
  for (const MethodInfo& method : methods()) {
    known += fmt::format("{}{}{} ({})", known.empty() ? "" : ", ", method.name,
                         method.name == kDefaultMethod ? ", default" : "", method.summary);
  }
  options.value("policy", "policies to tune: names, comma between, or all", policy_names())
      .value("method", known, method_names())
      .value("trials", "budget of each policy: so many settings on all training seeds (default 100)")
      .value("replays", "the same budget in replays, the unit that makes methods comparable")
      .value("budget-s", "the same in seconds of wall time; then another run may find other settings")
      .value("grid-points", "grid: points per numeric parameter (default 5)")
      .value("leaders", "settings per policy that are judged on held-out seeds, besides its default (default 1)")
      .value("width",
             "replays that a round should have at least, for many workers: changes what is tried, and is part of the "
             "study "
             "(default: as the method likes)")
      .value("study-seed", "seed of the search itself (default 1)")
      .value("suite",
             "several scenarios, whose fields the flags below set in all of them: a suite, all, or a .json file with a "
             "list of \"scenarios\"",
             suites())
      .value("scenarios", "the same by names of scenarios or .json files, comma between", scenario_names())
      .value(
          "aggregate",
          "of several scenarios: what is optimised of the ratios to the reference's figures, geometric_mean (default) "
          "or worst",
          aggregate_names())
      .value("reference", "of several scenarios: the policy to whose figures ratios are (default llq)", policy_names())
      .value("train-over",
             "of several scenarios: axes that training is spread over, as 'load=1,1.2;replicas=4,8'; load is a factor, "
             "other axes are flags of scenarios; training seeds are dealt out over all combinations")
      .value("leave-out",
             "of several scenarios: how the search finds what it would have ended with without each: choose (default), "
             "among the settings that it tried; search, by another search of the same budget per scenario; none",
             leave_out_names())
      .file("out", "folder for the study: study.db, and when it is done leaderboard, trials and configuration")
      .toggle("resume",
              "go on with the study in --out, or begin it if there is none; --replays and --trials may be larger than "
              "they were");
  declare_profile_uncertainty(options);
  declare_columns(options, "quantiles, slowdown by prompt length, optimism");
  declare_goal(options);
  declare_threads(options).scenario_flags({"seed"});
  declare_format(options);
  return options;
}

namespace {

// What the search ended with, judged anew under draws from the error of the profiles; as a page, empty without draws.
std::string profile_page(const Options& options, const Suite& suite, const std::vector<Scenario>& scenarios,
                         std::int64_t draws, int threads) {
  if (draws == 0) return "";
  return profile_study_markdown(
      study_profiles(suite, scenarios, deployable_policies(suite), draws, threads, progress_for(options)));
}

void write_profile_page(const ResultFolder& folder, const std::string& page) {
  if (!page.empty()) write_file(folder.staging() / "profile_uncertainty.md", page);
}

bool has_suite(const Options& options) { return options.has("suite") || options.has("scenarios"); }

std::vector<Scenario> suite_from(const Options& options) {
  for (const char* flag : {"scenario", "workload"}) {
    const char* suite = options.has("suite") ? "suite" : "scenarios";
    if (options.has(flag)) throw InputError(fmt::format("--{}: contradicts --{}", flag, suite));
  }
  if (options.has("suite") && options.has("scenarios")) {
    throw InputError("--suite: contradicts --scenarios: one of them says which scenarios are trained on");
  }
  std::vector<Scenario> scenarios;
  if (options.has("suite")) {
    scenarios = load_suite_scenarios(options.text("suite"), "--suite");
  } else {
    for (const std::string& name : list_from("scenarios", options.text("scenarios"))) {
      scenarios.push_back(load_scenario_at(name, "--scenarios"));
    }
    check_names_differ(scenarios, "--scenarios");
  }
  for (Scenario& scenario : scenarios) scenario = options.scenario_of(std::move(scenario));
  return scenarios;
}

StudyOptions study_from(const Options& options, std::size_t num_seeds) {
  StudyOptions study;
  study.policies = policies_from(options.text("policy"));
  study.method = options.text("method", kDefaultMethod);
  study.goal = goal_from(options);
  study.study_seed = static_cast<std::uint64_t>(options.whole("study-seed", 1, 0, INT64_MAX));
  study.leaders = static_cast<std::size_t>(options.whole("leaders", 1, 1, 1000));
  if (options.has("width")) study.width = static_cast<std::size_t>(options.whole("width", 0, 1, 10'000'000));
  for (const PolicyInfo* info : study.policies) {  // checks the method, and a grid's size
    read_budget(options, num_seeds, study);
    make_method(study.method, info->name, info->params, {.grid_points = study.grid_points, .num_seeds = num_seeds});
  }
  return study;
}

// The folder of --out with its study.db, open to go on with `config`; nothing without --out.
struct OpenFolder {
  OpenFolder(const Options& options, const std::function<std::string(const std::filesystem::path&)>& config_for) {
    if (options.has("resume") && !options.has("out")) throw InputError("--resume: needs --out");
    if (!options.has("out")) return;
    using Earlier = ResultFolder::Earlier;
    folder =
        std::make_unique<ResultFolder>(options.text("out"), options.has("resume") ? Earlier::go_on : Earlier::refuse,
                                       "--resume goes on with a search; else choose another folder", "study.db");
    const std::string config = config_for(folder->path());
    store.emplace(folder->path() / "study.db", StudyStore::Mode::append, true);
    const std::string before = store->config();
    if (!before.empty()) check_same_study(before, config, options.has("replays") ? "replays" : "trials");
    if (before.empty() || budget_of(before) != budget_of(config)) store->set_config(config);
  }
  StudyStore* replays() { return store ? &*store : nullptr; }

  std::unique_ptr<ResultFolder> folder;
  std::optional<StudyStore> store;
};

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count(); }

 private:
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

void report_speed(const Options& options, std::size_t num_replays, double seconds) {
  if (!options.has("quiet")) std::cerr << fmt::format("{} replays in {:.1f} s\n", num_replays, seconds);
}

int search_suite(const Options& options) {
  const Stopwatch stopwatch;
  SuiteStudyOptions suite;
  const std::vector<Scenario> scenarios = suite_from(options);
  std::size_t num_seeds = 0;
  for (const Scenario& scenario : scenarios) num_seeds += scenario.train_seeds.seeds().size();
  suite.study = study_from(options, num_seeds);
  suite.study.aggregate = parse_aggregate(options.text("aggregate", "geometric_mean"), "--aggregate");
  suite.study.reference = parse_policy(options.text("reference", "llq"), "--reference").text();
  if (options.has("train-over")) suite.axes = parse_training_axes(options.text("train-over"), "--train-over");
  suite.leave_out = parse_leave_out(options.text("leave-out", "choose"), "--leave-out");
  if (options.has("columns")) throw InputError("--columns: has no effect with several scenarios");
  if (options.has("wide")) throw InputError("--wide: has no effect with several scenarios");
  const std::int64_t draws = profile_draws_from(options, scenarios);
  const int threads = threads_from(options);
  const TableFormat format = format_from(options);
  const auto evaluator = make_evaluator(suite.study.goal.objective.limits, threads);
  SuiteStudy study(scenarios, suite, *evaluator);
  OpenFolder out(options, [&](const auto& folder) { return suite_study_config(study.subjects(), suite, folder); });
  const SuiteStudy::Result result = study.run(out.replays(), progress_for(options));
  const std::string page = profile_page(options, result.suite, scenarios, draws, threads);
  const double seconds = stopwatch.seconds();
  if (out.folder) {
    write_suite_study(*out.folder, study, suite, result, {threads, seconds});
    write_profile_page(*out.folder, page);
    out.folder->commit();
    out.store->set_leaders(study_leaders(ranked_rows(result.suite.rows), suite.study));
  }
  std::cout << render(result.suite, format, style_for(STDOUT_FILENO));
  if (format == TableFormat::table || format == TableFormat::markdown) {
    const std::string text = left_out_text(result.left_out, suite.leave_out);
    if (!text.empty()) std::cout << "\n" << text;
  }
  std::cerr << page;
  report_speed(options, study.num_replays(), seconds);
  return 0;
}

}  // namespace

int command_search(const Options& options) {
  if (!options.has("policy")) throw InputError("--policy: is missing: names, or all");
  if (has_suite(options)) return search_suite(options);
  const Stopwatch stopwatch;
  for (const char* flag : {"aggregate", "reference", "train-over", "leave-out"}) {
    if (options.has(flag)) throw InputError(fmt::format("--{}: has no effect without --suite or --scenarios", flag));
  }
  const Scenario scenario = options.scenario();
  const StudyOptions study = study_from(options, scenario.train_seeds.seeds().size());
  const std::int64_t draws = profile_draws_from(options, {scenario});
  const int threads = threads_from(options);
  const TableFormat format = format_from(options);
  const MoreColumns more = columns_from(options);
  const Experiment experiment(scenario);
  OpenFolder out(options, [&](const auto& folder) { return study_config(subject_of(experiment), study, folder); });
  const auto evaluator = make_evaluator(study.goal.objective.limits, threads);
  evaluator->add(experiment);
  Ledger ledger(experiment, study.goal.objective.limits, *evaluator, out.replays(), progress_for(options));
  const StudyResult result = run_study(ledger, study);
  std::string page;
  if (draws > 0) {
    std::vector<PolicySpec> judged;
    for (const LeaderboardRow& row : result.leaderboard.rows) {
      if (!row.clairvoyant && row.failure.empty()) judged.push_back(parse_policy(row.policy, "search"));
    }
    page = profile_page(options, judge_suite(study.goal, {&ledger}, judged), {scenario}, draws, threads);
  }
  const double seconds = stopwatch.seconds();
  if (out.folder) {
    const ResultFolder& folder = *out.folder;
    write_study(folder, ledger, study, result, {threads, seconds});
    write_profile_page(folder, page);
    write_file(folder.staging() / "distributions.json", distributions_json(experiment, result.leaderboard, threads));
    out.folder->commit();
    out.store->set_leaders(study_leaders(ranked_rows(result.leaderboard.rows), study));
  }
  std::cout << render(result.leaderboard, format, style_for(STDOUT_FILENO), more);
  std::cerr << page;
  report_speed(options, ledger.num_replays(), seconds);
  return 0;
}

Options declare_compare() {
  Options options(
      "compare SPEC SPEC... --scenario NAME",
      "Runs policies on the same held-out seeds and says which differences are real: every pair by a paired "
      "t-test over seeds, adjusted for the number of pairs by Holm's method. CSV has the leaderboard alone.\n"
      "example: switchyard compare llq 'hra(safety=0.05)' --scenario chat-pressure",
      1000);
  declare_columns(options, "quantiles, slowdown by prompt length");
  declare_goal(options);
  declare_threads(options).scenario_flags(seeds_of_training({"seed"}));
  declare_format(options);
  return options;
}

int command_compare(const Options& options) {
  const TableFormat format = format_from(options);
  const MoreColumns more = columns_from(options);
  if (options.words().size() < 2) throw InputError("compare: give at least two policy specs");
  std::vector<PolicySpec> policies;
  for (const std::string& spec : options.words()) policies.push_back(parse_policy(spec, "compare"));
  check_all_differ(policies, "compare");
  const Goal goal = goal_from(options);
  const Experiment experiment(options.scenario());
  const auto evaluator = make_evaluator(goal.objective.limits, threads_from(options));
  evaluator->add(experiment);
  Ledger ledger(experiment, goal.objective.limits, *evaluator, nullptr, progress_for(options));
  std::vector<std::size_t> trials;
  for (const PolicySpec& policy : policies) trials.push_back(ledger.trial(policy));
  Leaderboard leaderboard = judge(ledger, goal, trials, Tuned::no);
  std::vector<std::string> asked;
  for (const PolicySpec& policy : policies) asked.push_back(policy.text());
  const auto pairs = paired_differences(leaderboard, asked);
  mark_ties(leaderboard, pairs);
  std::cout << render(leaderboard, pairs, format, style_for(STDOUT_FILENO), more);
  return 0;
}

Options declare_leaderboard() {
  Options options("leaderboard DIR [DIR...] [--format table|markdown|csv|json]",
                  "Shows what searches and suites left behind; several of the same scenarios and seeds are ranked "
                  "together.\n"
                  "example: switchyard leaderboard out/search --format markdown",
                  1000);
  declare_columns(options, "quantiles, slowdown by prompt length, optimism");
  declare_format(options);
  return options;
}

int command_leaderboard(const Options& options) {
  const TableFormat format = format_from(options);
  const MoreColumns more = columns_from(options);
  if (options.words().empty()) throw InputError("leaderboard: give at least one folder that a search wrote");
  const auto is_suite = [](const std::string& folder) {
    return std::filesystem::is_regular_file(std::filesystem::path(folder) / "suite.json");
  };
  const auto num_suites = std::count_if(options.words().begin(), options.words().end(), is_suite);
  if (num_suites > 0) {  // searches over several scenarios, or suites as such
    std::vector<Suite> suites;
    for (const std::string& folder : options.words()) suites.push_back(load_suite(folder));
    for (const char* flag : {"columns", "wide"}) {
      if (options.has(flag)) throw InputError(fmt::format("--{}: has no effect with several scenarios", flag));
    }
    std::cout << render(merge(suites, options.words()), format, style_for(STDOUT_FILENO));
    return 0;
  }
  std::vector<Leaderboard> leaderboards;
  for (const std::string& folder : options.words()) leaderboards.push_back(load_leaderboard(folder));
  std::cout << render(merge(leaderboards, options.words()), format, style_for(STDOUT_FILENO), more);
  return 0;
}

}  // namespace switchyard
