#include <fmt/format.h>

#include <iostream>

#include "core/cost/source.hpp"
#include "core/input/error.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"
#include "search/cli/out_flags.hpp"
#include "search/cli/profile_compose.hpp"
#include "search/cli/profile_fit.hpp"

namespace switchyard {

namespace {

const std::vector<std::string> kActions = {"inspect", "fit", "compose"};

double milliseconds(const CostModel& model, const BatchShape& batch) {
  return seconds_from_ticks(model.batch_time(batch).time) * 1e3;
}

void show(const CostSource& source) {
  std::cout << source.description << ", " << source.shape.num_layers << " layers\n\nprefill of n tokens, ms\n";
  for (const std::int64_t n : {64, 256, 512, 1024, 2048, 4096}) {
    BatchShape batch;
    source.model->add_prefill(batch, 0, n);
    std::cout << fmt::format("{:>9}{:>14.3f}\n", n, milliseconds(*source.model, batch));
  }
  std::cout << "\none decode step of b requests with k tokens each, ms\n        b";
  for (const int kv : {256, 1024, 4096}) std::cout << fmt::format("{:>14}", fmt::format("k={}", kv));
  std::cout << "\n";
  for (const std::int32_t b : {1, 8, 32, 64, 128}) {
    std::cout << fmt::format("{:>9}", b);
    for (const std::int64_t kv : {256, 1024, 4096}) {
      std::cout << fmt::format("{:>14.3f}",
                               milliseconds(*source.model, {.num_decodes = b, .decode_kv_tokens = b * kv}));
    }
    std::cout << "\n";
  }
}

}  // namespace

Options declare_profile() {
  Options options(
      "profile inspect|fit|compose [NAME|DIR|FILE]",
      "inspect [NAME|DIR|FILE]  some batch times of a GPU profile; without a name, which profiles are built in\n"
      "fit DIR|FILE             a small profile .json of what was measured, told by its content: the result of a\n"
      "                         benchmark (vllm bench serve --save-detailed, guidellm, aiperf, inference-perf, CSV),\n"
      "                         a folder of operator grids or of Vidur's profiling CSVs, or batch times that an\n"
      "                         engine logged (README of core/measured and core/cost); and how far off it is\n"
      "compose                  a profile of a GPU and a model from measured times of single operators\n"
      "example: switchyard profile fit batches.csv --name my-gpu --out my-gpu.json",
      2);
  options.value("cost-tables", "inspect: folder of prediction tables, in place of a profile")
      .value("model", "compose, fit: a known model or its config.json; of batch times: JSON file with its shape")
      .value("name", "fit, compose: the profile's name")
      .value("source", "fit, compose: where the measurements come from")
      .file("out", "fit, compose: file to write in place of stdout")
      .word_candidates(kActions);
  declare_profile_fit(options);
  declare_profile_compose(options);
  return options;
}

int command_profile(const Options& options) {
  if (options.words().empty()) throw InputError("profile: say what to do: inspect, fit or compose");
  check_output_file(options, "out");
  if (options.words()[0] == "fit") return profile_fit(options);
  if (options.words()[0] == "compose") return profile_compose(options);
  if (options.words()[0] != "inspect") throw unknown_name("profile", "action", options.words()[0], kActions);
  const bool named = options.words().size() > 1;
  if (named && options.has("cost-tables")) {
    throw InputError(
        fmt::format("--cost-tables: contradicts the profile {}: give one of them", in_quotes(options.words()[1])));
  }
  if (named) {
    show(load_profile(options.words()[1]));
  } else if (options.has("cost-tables")) {
    show(load_cost_tables(options.text("cost-tables")));
  } else {
    for (const std::string& name : embedded_profile_names()) std::cout << name << "\n";
  }
  return 0;
}

}  // namespace switchyard
