#include <fmt/format.h>

#include <iostream>

#include "core/cost/fit_batches.hpp"
#include "core/cost/json_fields.hpp"
#include "core/cost/source.hpp"
#include "core/cost/vidur_profile.hpp"
#include "core/input/error.hpp"
#include "core/input/write_file.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"
#include "search/cli/profile_compose.hpp"

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

// The shape of the model that was measured; without a file what batch times alone can tell: one layer, one head.
ModelShape shape_of(const Options& options) {
  if (!options.has("model")) return {.num_layers = 1, .num_q_heads = 1, .num_kv_heads = 1};
  const JsonFile file{std::filesystem::path(options.text("model"))};
  json_check_keys(file, model_shape_keys());
  return json_model_shape(file, true);
}

// The profile goes to --out or stdout, how good it is to stderr.
int fit(const Options& options) {
  if (options.words().size() < 2) {
    throw InputError("profile fit: give a folder of Vidur's profiling CSVs, or a CSV of measured batch times");
  }
  const std::filesystem::path measured = options.words()[1];
  Profile profile;
  std::vector<FitError> errors;
  if (std::filesystem::is_directory(measured)) {
    if (options.has("model")) {
      throw InputError("--model: contradicts the folder of CSVs, which say what model was measured");
    }
    const VidurMeasurements measurements = read_vidur_profile(measured);
    profile = profile_of(measurements);
    errors = cross_validate(measurements);
  } else {
    const std::vector<MeasuredBatch> batches = read_measured_batches(measured);
    const ModelShape shape = shape_of(options);
    profile = fit_batches(measured.string(), batches, shape);
    errors = cross_validate(measured.string(), batches, shape);
    profile.name = measured.stem().string();
    profile.source = fmt::format("measured batch times {}", measured.filename().string());
  }
  profile.name = options.text("name", profile.name);
  profile.source = options.text("source", profile.source);
  const std::string json = profile_json(profile, options.number("tolerance", kProfileTolerance, 0, 0.5));
  if (options.has("out")) {
    write_file(options.text("out"), json);
  } else {
    std::cout << json;
  }
  std::cerr << describe_fit_errors(errors);
  return 0;
}

}  // namespace

Options declare_profile() {
  Options options(
      "profile inspect|fit|compose [NAME|DIR|FILE]",
      "inspect [NAME|DIR|FILE]  some batch times of a GPU profile; without a name, which profiles are built in\n"
      "fit DIR|FILE.csv         a small profile .json of a folder of Vidur's profiling CSVs, or of batch times\n"
      "                         that an engine logged (README of core/cost), and its error by cross-validation\n"
      "compose                  a profile of a GPU and a model from measured times of single operators\n"
      "example: switchyard profile fit batches.csv --name my-gpu --out my-gpu.json",
      2);
  options.value("cost-tables", "inspect: folder of prediction tables, in place of a profile")
      .value("model",
             "compose: a known model or its config.json; fit of batch times: JSON file with the shape of the model")
      .value("name", "fit, compose: the profile's name")
      .value("source", "fit, compose: where the measurements come from")
      .value("tolerance", "fit: relative error that knots may cause which are left out to keep it small (0.004)")
      .value("out", "fit, compose: file to write in place of stdout")
      .word_candidates(kActions);
  declare_profile_compose(options);
  return options;
}

int command_profile(const Options& options) {
  if (options.words().empty()) throw InputError("profile: say what to do: inspect, fit or compose");
  if (options.words()[0] == "fit") return fit(options);
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
