// Workloads and sources of batch times, looked at by themselves.
#include <fmt/format.h>

#include <iostream>

#include "core/cost/source.hpp"
#include "core/input/error.hpp"
#include "core/input/write_file.hpp"
#include "core/workload/derive.hpp"
#include "core/workload/inspect.hpp"
#include "core/workload/spec.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"

namespace switchyard {

namespace {

void put(const Options& options, const std::string& text) {
  if (options.has("out")) {
    write_file(options.text("out"), text);
  } else {
    std::cout << text;
  }
}

}  // namespace

int command_workload(const Words& words) {
  Options options("workload inspect|generate|derive [FILE]",
                  "inspect: rates, lengths and burstiness of a workload.  generate: its requests as a CSV in Vidur's "
                  "columns.\nderive FILE: the small model of a trace that scenarios fall back on.\n"
                  "example: switchyard workload inspect --scenario azure-conv --seed 42",
                  2);
  options.value("out", "file to write in place of stdout").scenario_flags();
  if (!options.parse(words)) return 0;
  const std::vector<std::string> actions = {"inspect", "generate", "derive"};
  const std::string action = options.words().empty() ? "" : options.words()[0];
  if (action == "derive") {
    if (options.words().size() < 2) throw InputError("workload derive: give a trace file");
    put(options, derive_length_model(options.words()[1]));
    return 0;
  }
  if (action != "inspect" && action != "generate") throw unknown_name("workload", "action", action, actions);
  Scenario scenario;
  if (options.words().size() == 2) {
    scenario.workload.trace = options.words()[1];
    scenario.seed = 0;
  } else {
    scenario = options.scenario();
  }
  std::string source;
  const std::vector<RawRequest> rows = make_rows(scenario.workload, scenario.seed, scenario.max_tokens, &source);
  if (rows.empty()) throw InputError("workload: no request arrives within the duration");
  if (action == "inspect") {
    put(options, describe_workload(source, inspect_workload(rows)));
    return 0;
  }
  std::string csv = "arrived_at,num_prefill_tokens,num_decode_tokens\n";
  for (const RawRequest& row : rows) {
    csv += fmt::format("{},{},{}\n", row.arrived_at_s, row.num_prefill_tokens, row.num_decode_tokens);
  }
  put(options, csv);
  return 0;
}

int command_profile(const Words& words) {
  Options options(
      "profile inspect [NAME|DIR|FILE.json]",
      "inspect: batch times of a GPU profile, a few of them as a table; without a name, which are built in.", 2);
  options.value("cost-tables", "folder of prediction tables, in place of a profile");
  if (!options.parse(words)) return 0;
  const std::string action = options.words().empty() ? "" : options.words()[0];
  if (action != "inspect") throw unknown_name("profile", "action", action, std::vector<std::string>{"inspect"});
  if (options.words().size() < 2 && !options.has("cost-tables")) {
    for (const std::string& name : embedded_profile_names()) std::cout << name << "\n";
    return 0;
  }
  const CostSource source =
      options.has("cost-tables") ? load_cost_tables(options.text("cost-tables")) : load_profile(options.words()[1]);
  std::cout << source.description << ", " << source.shape.num_layers << " layers\n\nprefill of n tokens, ms\n";
  for (const std::int64_t n : {64, 256, 512, 1024, 2048, 4096}) {
    const auto time =
        source.model->batch_time({.num_prefills = 1, .prefill_tokens = n, .prefill_chunk_squares = n * n});
    std::cout << fmt::format("{:>8}{:>12.3f}\n", n, seconds_from_ticks(time.time) * 1e3);
  }
  std::cout << "\none decode step of b requests with k tokens each, ms\n        b";
  for (const int kv : {256, 1024, 4096}) std::cout << fmt::format("{:>10}{}", "k=", kv);
  std::cout << "\n";
  for (const std::int32_t b : {1, 8, 32, 64, 128}) {
    std::cout << fmt::format("{:>9}", b);
    for (const std::int64_t kv : {256, 1024, 4096}) {
      const auto time = source.model->batch_time({.num_decodes = b, .decode_kv_tokens = b * kv});
      std::cout << fmt::format("{:>14.3f}", seconds_from_ticks(time.time) * 1e3);
    }
    std::cout << "\n";
  }
  return 0;
}

}  // namespace switchyard
