#include <fmt/format.h>

#include <iostream>

#include "core/input/error.hpp"
#include "core/input/write_file.hpp"
#include "policies/registry.hpp"
#include "results/run_folder.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"

namespace switchyard {

namespace {

// Every event as a line of text, times exact: what golden logs are made of.
class EventLog final : public Observer {
 public:
  void on_arrival(Time now, const QueuedRequest& request) override {
    line(now, fmt::format("arrival request={} prompt={}", request.id, request.num_prefill_tokens));
  }
  void on_assign(Time now, RequestId id, std::int32_t replica) override {
    line(now, fmt::format("assign request={} replica={}", id, replica));
  }
  void on_batch(Time start, Time end, std::int32_t replica, const BatchShape& shape,
                const ReplicaState& state) override {
    line(start, fmt::format("batch replica={} until={} prefills={} prefill_tokens={} decodes={} waiting={} blocks={}",
                            replica, exact_seconds(end), shape.num_prefills, shape.prefill_tokens, shape.num_decodes,
                            state.num_waiting, state.blocks_used));
  }
  void on_restart(Time now, RequestId id, std::int32_t replica) override {
    line(now, fmt::format("restart request={} replica={}", id, replica));
  }
  void on_complete(Time now, RequestId id, std::int32_t replica) override {
    line(now, fmt::format("complete request={} replica={}", id, replica));
  }
  const std::string& text() const { return text_; }

 private:
  void line(Time now, const std::string& event) { text_ += exact_seconds(now) + " " + event + "\n"; }
  std::string text_;
};

}  // namespace

int command_run(const Words& words) {
  Options options("run --scenario NAME --policy SPEC [--seed N] [--out DIR]",
                  "Replays one workload under one policy and prints its metrics.\n"
                  "example: switchyard run --scenario azure-conv --policy 'hra(decode_ratio=0.6,safety=0.03)'");
  options.value("policy", "policy spec, as llq or 'hra(safety=0.05)' (see `switchyard policies`)")
      .value("out", "folder for config.json, request_metrics.csv and summary.json")
      .value("event-log", "file for every event as a line of text (uses the step kernel)")
      .value("kernel", "leap (default) or step: the same result, slower")
      .toggle("json", "print summary.json in place of a table")
      .scenario_flags();
  if (!options.parse(words)) return 0;
  if (!options.has("policy")) throw InputError("--policy: is missing (see `switchyard policies`)");
  const PolicySpec policy = parse_policy(options.text("policy"), "--policy");
  const std::string kernel = options.text("kernel", "leap");
  if (kernel != "leap" && kernel != "step") {
    throw unknown_name("--kernel", "kernel", kernel, std::vector<std::string>{"leap", "step"});
  }
  const Experiment experiment(options.scenario());
  if (options.has("out")) prepare_folder(options.text("out"));
  const std::uint64_t seed = experiment.scenario().seed;
  const auto workload = experiment.workload(seed);

  Simulation simulation(kernel == "step" ? Kernel::step : Kernel::leap);
  EventLog log;
  const auto made = policy.make();
  const Replay* replay = nullptr;
  try {
    replay = &simulation.run(experiment.cluster(), *workload, *made, seed, options.has("event-log") ? &log : nullptr);
  } catch (const StalledError& error) {
    throw InputError(fmt::format("--policy: {}: {}", policy.text(), error.what()));
  }
  const Summary summary = summarize(*replay, *workload, experiment.cluster());
  if (options.has("event-log")) write_file(options.text("event-log"), log.text());
  if (options.has("out")) {
    write_run_folder(options.text("out"), experiment, *workload, *replay, summary, {policy.text(), seed, kernel});
  }
  if (options.has("json")) {
    std::cout << summary_json(summary);
    return 0;
  }
  std::cout << fmt::format(
      "policy    {}\nscenario  {}, seed {}\nworkload  {}\ncost      {}\nKV        {} blocks of {} tokens\n\n",
      policy.text(), experiment.scenario().name, seed, workload->source, experiment.cost_description(),
      experiment.cluster().limits.num_blocks, experiment.cluster().limits.block_size);
  for (const SummaryField& field : summary_fields()) {
    const std::string value =
        field.whole ? fmt::format("{:.0f}", field.get(summary)) : fmt::format("{:.6f}", field.get(summary));
    std::cout << fmt::format("{:<26}{:>16}   {}\n", field.name, value, field.doc);
  }
  return 0;
}

}  // namespace switchyard
