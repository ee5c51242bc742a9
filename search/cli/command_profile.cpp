#include <fmt/format.h>

#include <iostream>

#include "core/cost/profile.hpp"
#include "core/cost/source.hpp"
#include "core/input/error.hpp"
#include "core/input/write_file.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"

namespace switchyard {

namespace {

const std::vector<std::string> kActions = {"inspect", "derive"};

double milliseconds(const CostModel& model, const BatchShape& batch) {
  return seconds_from_ticks(model.batch_time(batch).time) * 1e3;
}

void show(const CostSource& source) {
  std::cout << source.description << ", " << source.shape.num_layers << " layers\n\nprefill of n tokens, ms\n";
  for (const std::int64_t n : {64, 256, 512, 1024, 2048, 4096}) {
    const BatchShape batch = {.num_prefills = 1, .prefill_tokens = n, .prefill_chunk_squares = n * n};
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
  Options options("profile inspect|derive [NAME|DIR|FILE.json]",
                  "inspect: some batch times of a GPU profile; without a name, which profiles are built in.\n"
                  "derive DIR: a folder of Vidur's profiling CSVs boiled down to a small profile .json.\n"
                  "example: switchyard profile inspect a100-llama2-7b",
                  2);
  options.value("cost-tables", "inspect: folder of prediction tables, in place of a profile")
      .value("name", "derive: the profile's name")
      .value("source", "derive: where the measurements come from")
      .value("out", "derive: file to write in place of stdout")
      .word_candidates(kActions);
  return options;
}

int command_profile(const Options& options) {
  if (options.words().empty()) throw InputError("profile: say what to do: inspect or derive");
  if (options.words()[0] == "derive") {
    if (options.words().size() < 2) throw InputError("profile derive: give a folder of profiling CSVs");
    Profile profile = read_profile_folder(options.words()[1]);
    profile.name = options.text("name", profile.name);
    profile.source = options.text("source", profile.source);
    if (options.has("out")) {
      write_file(options.text("out"), profile_json(profile));
    } else {
      std::cout << profile_json(profile);
    }
    return 0;
  }
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
