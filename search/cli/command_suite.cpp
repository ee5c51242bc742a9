#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "core/input/error.hpp"
#include "core/input/write_file.hpp"
#include "search/cli/command.hpp"
#include "search/cli/format_flag.hpp"
#include "search/cli/out_flags.hpp"
#include "search/cli/progress.hpp"
#include "search/cli/search_flags.hpp"
#include "search/perturb.hpp"
#include "search/profile_study.hpp"
#include "search/spec_list.hpp"
#include "search/suite_files.hpp"
#include "search/suite_scenarios.hpp"

namespace switchyard {

Options declare_suite() {
  Options options(
      "suite SPEC[,SPEC...]|all [--suite NAME | --scenarios NAME[,NAME...]] [--seeds RANGE] [--out DIR]",
      "Ranks policies over a whole suite of scenarios: by the geometric mean of their mean end-to-end time, or what "
      "--objective names, relative to llq's, on held-out seeds, with the worst scenario of each. Which policy can be "
      "run without knowing what load will come?\n"
      "example: switchyard suite all --out out/suite\n"
      "example: switchyard suite 'llq,hra(safety=0.05)' --scenarios azure-conv,chat-pressure --seeds 101-104\n"
      "example: switchyard suite llq,prefix_cost --scenarios azure-conv-v1 --perturb signals,routers --seeds 101-104\n"
      "example: switchyard suite all --objective 'goodput(ttft_s<=2)' --constraint 'p99_e2e_s<=200'",
      1);
  std::vector<std::string> policies = policy_names();
  policies.insert(policies.begin(), "all");
  options.word_candidates(policies);
  std::vector<std::string> suites = suite_names();
  suites.insert(suites.begin(), "all");
  options
      .value("suite",
             "built-in scenarios: vidur, with the engines that Vidur simulates (default); v1, the same on vLLM V1; "
             "today, with "
             "prefix caches and sessions; overload, more of that than replicas bear; operated, mixed, failing and "
             "growing clusters; split, prefill and decode apart; or all; or a .json file with a "
             "list of "
             "\"scenarios\"",
             suites)
      .value("scenarios", "names of built-in scenarios or .json files, comma between, in place of a suite",
             scenario_names())
      .value(
          "seeds",
          "held-out seeds, as 101-104 (default: those of each scenario); 0: a trace as it is, where one is replayed");
  declare_profile_uncertainty(options);
  options.value(
      "perturb",
      "runs each scenario with every combination of: signals (published every 0, 0.05, 1 and 10 s), routers "
      "(1, 2 and 4), slow-replica (none, the last one at half speed), failure (none, one for a tenth of the time); "
      "comma between",
      {"signals", "routers", "slow-replica", "failure", "signals,routers,slow-replica,failure"});
  declare_resumable_out(options, "suite.json, suite.csv and suite.md, and profile_uncertainty.md");
  declare_goal(options);
  declare_threads(options);
  declare_format(options);
  return options;
}

int command_suite(const Options& options) {
  const TableFormat format = format_from(options);
  if (options.words().empty()) throw InputError("suite: give policy specs, comma between, or all");
  const std::vector<PolicySpec> policies = parse_specs(options.words()[0], "suite");
  std::vector<Scenario> scenarios;
  if (options.has("suite") && options.has("scenarios")) {
    throw InputError("--suite: contradicts --scenarios: one of them says which scenarios are run");
  }
  const std::string suite_name = options.has("suite") ? options.text("suite") : "vidur";
  if (options.has("scenarios")) {
    for (const std::string& name : list_from("scenarios", options.text("scenarios"))) {
      scenarios.push_back(load_scenario_at(name, "--scenarios"));
    }
  } else {
    scenarios = load_suite_scenarios(suite_name, "--suite");
  }
  if (options.has("seeds")) {
    const SeedRange seeds = parse_seed_range(options.text("seeds"), "--seeds");
    for (Scenario& scenario : scenarios) {
      scenario.held_out_seeds = seeds;
      scenario.check_seeds_apart("--seeds");
    }
  }
  if (options.has("perturb")) scenarios = perturbed(scenarios, options.text("perturb"), "--perturb");
  const std::int64_t draws = profile_draws_from(options, scenarios);
  const Goal goal = goal_from(options);
  const int threads = threads_from(options);
  ResumableFolder folder(options, "a suite");
  const Suite suite = run_suite(goal, scenarios, policies, threads, progress_for(options), folder.store());
  std::string page;
  if (draws > 0) {
    page = profile_study_markdown(study_profiles(suite, scenarios, policies, draws, threads, progress_for(options)));
  }
  folder.finish([&](const std::filesystem::path& path) {
    write_suite(path, suite);
    if (!page.empty()) write_file(path / "profile_uncertainty.md", page);
  });
  std::cout << render(suite, format, style_for(STDOUT_FILENO));
  std::cerr << page;
  return 0;
}

}  // namespace switchyard
