#include "search/remote/wire.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/input/error.hpp"
#include "core/input/json_file.hpp"
#include "core/input/json_text.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kVersion = SWITCHYARD_VERSION;

// JSON has no infinity and no "not a number": null stands for what `otherwise` is.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }
double number(const Json& json, double otherwise) { return json.is_null() ? otherwise : json.get<double>(); }

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kNoLimit = std::numeric_limits<double>::infinity();

}  // namespace

std::string experiment_text(const Experiment& experiment, const RequestLimits& limits) {
  const Json json = {{"key", replay_key(experiment, limits)},
                     {"version", kVersion},
                     {"scenario", ordered_json_of(scenario_json(experiment.scenario()))},
                     {"limits", {number(limits.ttft_s), number(limits.tpot_s), number(limits.e2e_s)}}};
  return json_text(json);
}

std::string batch_text(const std::string& experiment, std::span<const Job> jobs) {
  Json list = Json::array();
  for (const Job& job : jobs) list.push_back({job.policy, job.seed});
  return json_text(Json{{"experiment", experiment}, {"jobs", list}});
}

std::string results_text(std::span<const ReplayResult> results) {
  Json list = Json::array();
  for (const ReplayResult& result : results) {
    if (!result.failure.empty()) {
      list.push_back(result.failure);
      continue;
    }
    Json figures = Json::array();
    for (const SummaryField& field : summary_fields()) figures.push_back(number(field.get(result.summary)));
    list.push_back(std::move(figures));
  }
  return json_text(Json{{"results", list}});
}

std::vector<ReplayResult> parse_results(const std::string& text) {
  const Json json = ordered_json_of(text);
  if (json.contains("input_error")) throw InputError(json["input_error"].get<std::string>());
  if (json.contains("error")) throw std::runtime_error(json["error"].get<std::string>());
  std::vector<ReplayResult> results;
  for (const Json& one : json.at("results")) {
    ReplayResult& result = results.emplace_back();
    if (one.is_string()) {
      result.failure = one.get<std::string>();
      continue;
    }
    std::size_t i = 0;
    for (const SummaryField& field : summary_fields()) field.set(result.summary, number(one.at(i++), kNone));
  }
  return results;
}

struct Replayer::Held {
  Held(const Scenario& scenario, const RequestLimits& limits, int threads)
      : experiment(scenario), evaluator(experiment, limits, threads) {}
  Experiment experiment;
  ThreadEvaluator evaluator;
};

Replayer::Replayer(int threads) : threads_(threads) {}
Replayer::~Replayer() = default;

std::vector<ReplayResult> Replayer::replay(const std::string& batch) {
  const Json json = ordered_json_of(batch);
  std::string key = json.at("experiment").get<std::string>();
  if (key.starts_with('{')) {
    const Json described = ordered_json_of(key);
    key = described.at("key").get<std::string>();
    if (!experiments_.count(key)) {
      if (const auto version = described.at("version").get<std::string>(); version != kVersion) {
        throw InputError(fmt::format("this worker is version {}, the driver {}", kVersion, version));
      }
      const Json& limits = described.at("limits");
      const RequestLimits request_limits{.ttft_s = number(limits[0], kNoLimit),
                                         .tpot_s = number(limits[1], kNoLimit),
                                         .e2e_s = number(limits[2], kNoLimit)};
      const JsonFile scenario("the driver's scenario", json_text(described.at("scenario")));
      auto held = std::make_unique<Held>(parse_scenario(scenario), request_limits, threads_);
      const std::string here = replay_key(held->experiment, request_limits);
      if (here != key) {
        throw InputError(fmt::format("this worker's data or program differ from the driver's: {}",
                                     digest_difference(key.substr(0, key.find(' ')), here.substr(0, here.find(' ')))));
      }
      experiments_[key] = std::move(held);
    }
  }
  const auto held = experiments_.find(key);
  if (held == experiments_.end()) throw std::logic_error("an experiment that was never described: " + key);
  std::vector<Job> jobs;
  for (const Json& job : json.at("jobs")) jobs.push_back({key, job[0].get<std::string>(), job[1].get<std::uint64_t>()});
  return held->second->evaluator.run(jobs);
}

std::string Replayer::answer(const std::string& batch) {
  try {
    return results_text(replay(batch));
  } catch (const InputError& error) {
    return json_text(Json{{"input_error", error.what()}});
  } catch (const std::exception& error) {
    return json_text(Json{{"error", error.what()}});
  }
}

}  // namespace switchyard
