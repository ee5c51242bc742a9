#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/cluster/policy_error.hpp"
#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "core/scenario/groups.hpp"
#include "policies/registry.hpp"
#include "results/event_log.hpp"
#include "results/run_folder.hpp"
#include "results/state_history.hpp"
#include "results/timeline.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"
#include "search/cli/out_flags.hpp"
#include "search/cli/single_run.hpp"

namespace switchyard {

namespace {

Kernel parse_kernel(const std::string& name) {
  if (name == "leap") return Kernel::leap;
  if (name == "step") return Kernel::step;
  throw unknown_name("--kernel", "kernel", name, std::vector<std::string>{"leap", "step"});
}

// What the user gave makes the run fail, not a fault of ours.
const Replay& replay_of(Simulation& simulation, const Experiment& experiment, const Workload& workload,
                        const PolicySpec& spec, Observer* observer, StateSampler* sampler) {
  try {
    return simulation.run(experiment.cluster(), workload, spec.routed(), experiment.scenario().seed, observer, sampler);
  } catch (const StalledError& error) {
    throw InputError(fmt::format("--policy: {}: {}", spec.text(), error.what()));
  } catch (const PolicyError& error) {
    throw InputError(fmt::format("--policy: {}: {}", spec.text(), error.what()));
  } catch (const std::overflow_error& error) {
    throw InputError(fmt::format("--policy: {}: {}", spec.text(), error.what()));
  }
}

void print(const Experiment& experiment, const Workload& workload, const PolicySpec& policy, const Summary& summary) {
  const ReplicaLimits& limits = experiment.cluster().kinds.front().limits();
  std::cout << fmt::format("policy    {}\nscenario  {}, seed {}\nworkload  {}\ncost      {}\n", policy.text(),
                           experiment.scenario().name, experiment.scenario().seed,
                           workload_title(workload, limits.max_tokens), experiment.cost_description());
  std::cout << fmt::format("KV        {} blocks of {} tokens per replica\n", limits.num_blocks, limits.block_size);
  if (const auto& groups = experiment.scenario().groups; !groups.empty()) {
    std::cout << fmt::format("groups    {}\n", json_text(groups_json(groups)));
  }
  SignalOptions signals = experiment.cluster().signals;
  if (signals.interval == SignalOptions::kByPolicy) signals.interval = policy.info->signal_interval;
  const RouterOptions& routers = experiment.cluster().routers;
  if (signals != SignalOptions()) std::cout << fmt::format("signals   {}\n", signals_text(signals));
  if (routers != RouterOptions()) std::cout << fmt::format("routers   {}\n", routers_text(routers));
  const std::string operated = operations_text(experiment.cluster().operations);
  if (!operated.empty()) std::cout << fmt::format("operated  {}\n", operated);
  std::cout << "\n";
  for (const SummaryField& field : summary_fields()) {
    const double figure = field.get(summary);
    const std::string value = std::isnan(figure) ? "-" : fmt::format("{:.{}f}", figure, field.whole() ? 0 : 6);
    std::cout << fmt::format("{:<26}{:>16}   {}\n", field.name, value, field.doc);
  }
}

}  // namespace

Options declare_run() {
  Options options("run --scenario NAME --policy SPEC [--seed N] [--out DIR]",
                  "Replays one workload under one policy and prints its metrics.\n"
                  "example: switchyard run --scenario azure-conv --policy 'hra(decode_ratio=0.6,safety=0.03)'\n"
                  "example: switchyard run --workload trace.csv --profile a100-llama2-7b --policy llq --out results\n"
                  "example: switchyard run --config results/config.json");
  options.value("policy", "policy spec, as llq or 'hra(safety=0.05)' (see `switchyard policies`)", policy_names())
      .file("out", "folder for config.json, request_metrics.csv, summary.json and states.json")
      .file("event-log", "file for every event as a line of text (uses the step kernel)")
      .file("timeline", "file for a timeline that Perfetto and chrome://tracing open (uses the step kernel)")
      .value("kernel", "leap (default) or step: the same result, slower", {"leap", "step"})
      .toggle("force", "replace a result that --out holds already")
      .toggle("json", "print summary.json in place of a table")
      .scenario_flags();
  return options;
}

int command_run(const Options& options) {
  if (!options.has("policy")) throw InputError("--policy: is missing (see `switchyard policies`)");
  const PolicySpec policy = parse_policy(options.text("policy"), "--policy");
  const std::string kernel = options.text("kernel", "leap");
  Simulation simulation(parse_kernel(kernel));
  const Experiment experiment(options.scenario());
  check_seed_flags_matter(options, experiment.scenario());
  const auto workload = experiment.workload(experiment.scenario().seed);
  for (const char* flag : {"event-log", "timeline"}) check_output_file(options, flag);
  auto folder = result_folder(options);
  std::optional<EventLog> log;
  std::optional<Timeline> timeline;
  Observer* observer = nullptr;
  if (options.has("event-log") && options.has("timeline")) {
    throw InputError("--timeline: cannot be written together with --event-log; run twice");
  }
  if (options.has("event-log")) observer = &log.emplace(options.text("event-log"));
  if (options.has("timeline")) {
    const Scenario& scenario = experiment.scenario();
    observer = &timeline.emplace(options.text("timeline"), *workload, scenario.replicas,
                                 Timeline::Title{policy.text(), scenario.name, scenario.seed});
  }

  StateHistory states(experiment.scenario().replicas);
  const Replay& replay =
      replay_of(simulation, experiment, *workload, policy, observer, options.has("out") ? &states : nullptr);
  const Summary summary = summarize(replay, *workload, experiment.cluster());
  if (log) log->close();
  if (timeline) timeline->close();
  if (folder) {
    write_run_folder(
        *folder, experiment, *workload, replay, summary,
        {policy.text(), kernel, states.json(experiment.cluster().kinds.front().limits(), replay.absences)});
  }
  if (options.has("json")) {
    std::cout << summary_json(summary);
  } else {
    print(experiment, *workload, policy, summary);
  }
  return 0;
}

}  // namespace switchyard
