#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "core/input/error.hpp"
#include "core/scenario/fields.hpp"
#include "search/cli/command.hpp"
#include "search/cli/format_flag.hpp"
#include "search/cli/out_flags.hpp"
#include "search/cli/progress.hpp"
#include "search/cli/search_flags.hpp"
#include "search/spec_list.hpp"
#include "search/sweep_files.hpp"

namespace switchyard {

namespace {

const ScenarioField& field_of(const std::string& flag) {
  const std::vector<ScenarioField>& fields = scenario_fields();
  return *std::find_if(fields.begin(), fields.end(), [&](const ScenarioField& field) { return field.flag == flag; });
}

// The flag whose values are swept: what sets the load of the scenario's arrivals.
std::string axis_of(const Options& options) {
  if (options.has("qps") && options.has("time-scale")) throw InputError("--time-scale: contradicts --qps");
  if (options.has("qps")) return "qps";
  if (options.has("time-scale")) return "time-scale";
  const bool replayed = options.scenario().workload.arrivals == ArrivalKind::trace;
  throw InputError(fmt::format("--{}: is missing: the loads to sweep over, as 1,2,3", replayed ? "time-scale" : "qps"));
}

}  // namespace

Options declare_sweep() {
  Options options(
      "sweep --scenario NAME --policy SPEC[,SPEC...]|all --qps LIST|--time-scale LIST [--out DIR]",
      "Runs policies on held-out seeds at several loads: --qps 1,2,3 where arrivals are drawn, --time-scale 1,2,3 "
      "where "
      "those of a trace are replayed. Shows the mean end-to-end time, or what --objective names, at each, and where "
      "each "
      "policy's curve bends: the load at which it reaches twice its value at the lowest load (where more is better, at "
      "which its value per unit of load falls to half), linear between swept loads. With --constraint, up to which "
      "load "
      "each policy keeps the limits.\n"
      "example: switchyard sweep --scenario chat-pressure --policy 'llq,hra(safety=0.05)' --qps 6,8,10,12\n"
      "example: switchyard sweep --scenario azure-code --policy all --time-scale 1,2,3 --out out/sweep\n"
      "example: switchyard sweep --scenario azure-conv --policy llq,lor --qps 1,2,4,8 --constraint 'p99_ttft_s<=2'");
  options.value("policy", "policy specs, comma between, or all; changes are against the first", policy_names());
  declare_resumable_out(options, "sweep.json, sweep.csv and sweep.md");
  declare_goal(options);
  declare_threads(options).scenario_flags(seeds_of_training({"seed"}));
  declare_format(options);
  return options;
}

int command_sweep(const Options& options) {
  const TableFormat format = format_from(options);
  if (!options.has("policy")) throw InputError("--policy: is missing: policy specs, comma between, or all");
  const std::vector<PolicySpec> policies = parse_specs(options.text("policy"), "--policy");
  const std::string flag = axis_of(options);
  const ScenarioField& field = field_of(flag);
  const Scenario scenario = options.scenario({flag});
  std::vector<double> loads;
  std::vector<Scenario> scenarios;
  for (const std::string& load : list_from(flag, options.text(flag))) {
    set_field_from_text(field, scenarios.emplace_back(scenario), load, "--" + flag);
    const double value = field.get(scenarios.back());
    if (!loads.empty() && value <= loads.back()) {
      throw InputError(fmt::format("--{}: {} is not allowed; loads rise", flag, in_quotes(options.text(flag))));
    }
    loads.push_back(value);
  }
  if (loads.size() < 2) {
    throw InputError(
        fmt::format("--{}: {} is not allowed; at least two loads are wanted", flag, in_quotes(options.text(flag))));
  }
  const Goal goal = goal_from(options);
  const int threads = threads_from(options);
  ResumableFolder folder(options, "a sweep");
  const Sweep sweep =
      run_sweep(goal, field.key, loads, scenarios, policies, threads, progress_for(options), folder.store());
  folder.finish([&](const std::filesystem::path& path) { write_sweep(path, sweep); });
  std::cout << render(sweep, format, style_for(STDOUT_FILENO));
  return 0;
}

}  // namespace switchyard
