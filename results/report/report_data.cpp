#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/input/csv.hpp"
#include "core/input/error.hpp"
#include "core/input/inputs.hpp"
#include "core/input/json_file.hpp"
#include "core/input/json_text.hpp"
#include "core/metrics/summary.hpp"
#include "core/scenario/digest.hpp"
#include "results/leaderboard.hpp"
#include "results/quantile_sketch.hpp"
#include "results/report/report.hpp"
#include "results/report/subjects.hpp"
#include "results/result_folder.hpp"
#include "results/versions.hpp"

namespace switchyard {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// So that the page stays below 2 MB whatever it is about: what is beyond is thinned out, and the page says so.
constexpr std::size_t kMostTrials = 12'000;
constexpr std::size_t kMostStateBytes = 700'000;
constexpr std::size_t kMostRequests = 6'000;  // of a validation
constexpr int kDeepest = 4;                   // folders within folders

bool is_run(const fs::path& folder) { return fs::is_regular_file(folder / "summary.json"); }
bool is_suite(const fs::path& folder) { return fs::is_regular_file(folder / "suite.json"); }
bool is_search(const fs::path& folder) { return fs::is_regular_file(folder / "leaderboard.json"); }
bool is_validation(const fs::path& folder) { return fs::is_regular_file(folder / "validation.json"); }

// The runs, searches, suites and validations in a folder, by name.
void collect(const fs::path& folder, int depth, std::vector<fs::path>& found) {
  std::error_code fault;
  if (is_run(folder) || is_search(folder) || is_suite(folder) || is_validation(folder)) {
    found.push_back(folder);
    return;
  }
  std::vector<fs::path> inner;
  for (const auto& entry : fs::directory_iterator(folder, fault)) {
    if (entry.is_directory(fault) && !entry.is_symlink(fault)) inner.push_back(entry.path());
  }
  std::sort(inner.begin(), inner.end());
  if (depth == kDeepest) return;
  for (const fs::path& path : inner) collect(path, depth + 1, found);
}

Json read_json(const fs::path& path) { return Json::parse(JsonFile(path).text()); }

Json rounded(double value) { return std::strtod(fmt::format("{:.5g}", value).c_str(), nullptr); }

InputError not_ours(const fs::path& path, const std::exception& error) {
  return InputError(fmt::format("{}: not a file of this tool: {}", path.string(), error.what()));
}

Json param_json(const ParamSpec& param) {
  Json json = {{"name", param.name}, {"doc", param.doc}};
  if (param.type == ParamType::choice) {
    json["choices"] = param.choices;
  } else {
    json["low"] = param.low;
    json["high"] = param.high;
    json["log"] = param.scale == ParamScale::log;
  }
  return json;
}

// Names of the parameters that occur, in the order of their declaration if that is known.
Json params_of(const Json& trials, const PolicyInfo* info) {
  Json params = Json::array();
  if (info) {
    for (const ParamSpec& param : info->params) params.push_back(param_json(param));
    return params;
  }
  for (const auto& trial : trials) {
    for (const auto& item : trial.at("params").items()) {
      const bool known =
          std::any_of(params.begin(), params.end(), [&](const Json& param) { return param["name"] == item.key(); });
      if (!known) params.push_back({{"name", item.key()}, {"doc", ""}});
    }
  }
  return params;
}

// Of too many, the best and some of the others, evenly; in their order.
std::vector<std::size_t> thinned(const Json& trials, std::size_t most, bool higher_is_better) {
  std::vector<std::size_t> kept(trials.size());
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = i;
  if (kept.size() <= most) return kept;
  const auto cost = [&](std::size_t i) {
    if (!trials[i].contains("relative")) return HUGE_VAL;
    const double relative = trials[i]["relative"];
    return higher_is_better ? -relative : relative;
  };
  std::stable_sort(kept.begin(), kept.end(), [&](std::size_t a, std::size_t b) { return cost(a) < cost(b); });
  const std::size_t best = most / 2;
  std::sort(kept.begin() + static_cast<std::ptrdiff_t>(best), kept.end());
  const std::size_t others = kept.size() - best;
  for (std::size_t i = 0; i < most - best; ++i) kept[best + i] = kept[best + i * others / (most - best)];
  kept.resize(most);
  std::sort(kept.begin(), kept.end());
  return kept;
}

// The trials of each policy as rows of numbers: [trial, value, share of the training seeds that it ran on, 1 if it
// keeps to the constraints, parameters...]; null for what does not hold.
Json trials_json(const fs::path& path, const ReportOptions& options) {
  const std::vector<PolicyInfo>& policies = options.policies;
  const Json study = read_json(path);
  Json result = {{"config", study.at("config")}, {"policies", Json::array()}};
  const bool higher_is_better = study.at("higher_is_better");
  const double num_seeds = study.at("num_training_seeds");
  std::size_t total = 0;
  for (const auto& entry : study.at("policies")) total += entry.at("trials").size();
  for (const auto& entry : study.at("policies")) {
    const std::string name = entry.at("policy");
    const auto info = std::find_if(policies.begin(), policies.end(),
                                   [&](const PolicyInfo& candidate) { return candidate.name == name; });
    const Json& trials = entry.at("trials");
    const Json params = params_of(trials, info == policies.end() ? nullptr : &*info);
    const std::size_t most = total <= kMostTrials ? trials.size() : kMostTrials * trials.size() / total + 1;
    // Trials that were given up early are shown at what they would be: their ratio to the default setting's figure.
    double reference = 0;
    for (const auto& trial : trials) {
      if (reference == 0 && trial.contains("value") && trial.at("num_seeds") == study.at("num_training_seeds")) {
        reference = trial.at("value").get<double>() / trial.at("relative").get<double>();
      }
    }
    Json rows = Json::array();
    for (const std::size_t i : thinned(trials, most, higher_is_better)) {
      const Json& trial = trials[i];
      Json row = {trial.at("trial"), nullptr, rounded(trial.at("num_seeds").get<double>() / num_seeds),
                  trial.contains("infeasible") ? 0 : 1};
      if (trial.contains("relative")) row[1] = rounded(trial.at("relative").get<double>() * reference);
      for (const auto& param : params) {
        const auto value = trial.at("params").find(param["name"].get<std::string>());
        if (value == trial.at("params").end()) {
          row.push_back(nullptr);
        } else {
          row.push_back(value->is_number() ? rounded(value->get<double>()) : *value);
        }
      }
      rows.push_back(std::move(row));
    }
    Json policy = {{"name", name}, {"params", params}, {"num_trials", trials.size()}, {"trials", std::move(rows)}};
    if (options.importance && info != policies.end()) {
      std::vector<std::string> specs;
      std::vector<double> values;
      for (const Json& trial : trials) {
        if (!trial.contains("relative")) continue;
        specs.push_back(trial.at("policy"));
        values.push_back(trial.at("relative"));
      }
      for (const auto& [param, share] : options.importance(specs, values)) {
        policy["importances"][param] = rounded(share);
      }
    }
    result["policies"].push_back(std::move(policy));
  }
  return result;
}

Json search_json(const fs::path& folder, const std::string& name, const ReportOptions& options) {
  load_leaderboard(folder);  // says what is wrong with it, if anything is
  Json json = {{"name", name}, {"leaderboard", read_json(folder / "leaderboard.json")}};
  for (Json& row : json["leaderboard"]["rows"]) {
    for (const char* unused : {"training_by_seed", "held_out_by_seed", "held_out_e2e_by_seed_s"}) row.erase(unused);
  }
  if (fs::exists(folder / "study.json")) {
    try {
      json["search"] = trials_json(folder / "study.json", options);
    } catch (const nlohmann::json::exception& error) {
      throw not_ours(folder / "study.json", error);
    }
  }
  if (fs::exists(folder / "distributions.json")) json["distributions"] = read_json(folder / "distributions.json");
  return json;
}

Json suite_json(const fs::path& folder, const std::string& name) {
  Json suite = read_json(folder / "suite.json");
  try {
    if (suite.at("version") != kSuiteVersion) {
      throw InputError(fmt::format("{}: version {} of the suite; this program reads version {}",
                                   (folder / "suite.json").string(), json_text(suite.at("version")), kSuiteVersion));
    }
    for (Json& scenario : suite.at("scenarios")) {
      scenario.erase("llq_by_seed");
      scenario.erase("interference_free_by_seed");
    }
    for (Json& row : suite.at("rows")) {
      if (!row.contains("scenarios")) continue;
      for (Json& scenario : row["scenarios"]) scenario.erase("by_seed");
    }
  } catch (const nlohmann::json::exception& error) {
    throw not_ours(folder / "suite.json", error);
  }
  return {{"name", name}, {"suite", std::move(suite)}};
}

Json validation_json(const fs::path& folder, const std::string& name) {
  Json validation = read_json(folder / "validation.json");
  try {
    if (validation.at("version") != kValidationVersion) {
      throw InputError(fmt::format("{}: version {} of the validation; this program reads version {}",
                                   (folder / "validation.json").string(), json_text(validation.at("version")),
                                   kValidationVersion));
    }
    const Json& requests = validation.at("requests");
    const std::size_t step = requests.size() / kMostRequests + 1;
    Json shown = Json::array();
    for (std::size_t i = 0; i < requests.size(); i += step) shown.push_back(requests[i]);
    validation["requests"] = std::move(shown);
  } catch (const nlohmann::json::exception& error) {
    throw not_ours(folder / "validation.json", error);
  }
  return {{"name", name}, {"validation", std::move(validation)}};
}

RequestTimes read_times(const fs::path& path) {
  CsvReader csv(path);
  const std::size_t e2e = csv.column("request_e2e_time"), ttft = csv.column("prefill_e2e_time"),
                    outputs = csv.column("request_num_decode_tokens");
  RequestTimes times;
  while (csv.next()) times.add(csv.number(e2e), csv.number(ttft), csv.number(outputs));
  return times;
}

Json run_json(const fs::path& folder, const std::string& name) {
  const Json config = read_json(folder / "config.json");
  Json json = {{"name", name}};
  try {
    json["policy"] = config.at("policy");
    json["scenario"] = config.at("scenario").at("name");
    json["seed"] = config.at("scenario").at("seeds").at("seed");
    json["replica_scheduler"] = config.at("scenario").at("cluster").at("replica_scheduler");
    json["workload"] = config.at("resolved").at("workload_source");
    json["cost"] = config.at("resolved").at("cost_source");
  } catch (const nlohmann::json::exception& error) {
    throw not_ours(folder / "config.json", error);
  }
  json["summary"] = read_json(folder / "summary.json");
  json["distribution"] = sketches(read_times(folder / "request_metrics.csv"));
  if (fs::exists(folder / "states.json")) json["states"] = read_json(folder / "states.json");
  return json;
}

// The folder as the user named it, and within that.
std::string name_of(const fs::path& folder) {
  std::string name = folder.lexically_normal().string();
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  return name;
}

// What a run's or a search's config.json says that it is about; old ones have no digest, and old searches no such file.
void check_subject(const fs::path& folder, ReportSubjects& subjects) {
  const fs::path path = folder / "config.json";
  if (!fs::exists(path)) return;
  const Json config = read_json(path);
  try {
    const std::string digest = config.value("resolved", Json::object()).value("digest", "");
    subjects.add(name_of(folder), config.at("scenario"), digest);
    if (!is_search(folder)) return;
    const std::string difference = digest_difference(digest, load_leaderboard(folder).digest);
    if (difference.empty()) return;
    throw InputError(
        fmt::format("report: {}: config.json and leaderboard.json are not of one search: they differ in {}",
                    in_quotes(name_of(folder)), difference));
  } catch (const nlohmann::json::exception& error) {
    throw not_ours(path, error);
  }
}

// Neighbouring bins become one.
void halve(Json& states) {
  const auto halve_series = [](Json& series) {
    Json halved = Json::array();
    for (std::size_t i = 0; i < series.size(); i += 2) {
      const double first = series[i];
      const double mean = i + 1 < series.size() ? (first + series[i + 1].get<double>()) / 2 : first;
      halved.push_back(std::round(1000 * mean) / 1000);
    }
    series = std::move(halved);
  };
  states["bin_s"] = 2 * states.at("bin_s").get<double>();
  halve_series(states["queued"]);
  for (Json& replica : states["replicas"]) {
    for (auto& item : replica.items()) halve_series(item.value());
  }
}

// The later half of the replicas goes; the page says how many there were.
void halve_replicas(Json& states) {
  Json& replicas = states["replicas"];
  if (!states.contains("num_replicas")) states["num_replicas"] = replicas.size();
  replicas.erase(replicas.begin() + static_cast<std::ptrdiff_t>((replicas.size() + 1) / 2), replicas.end());
}

// One step towards a smaller page: longer bins while there are many, then fewer replicas, then what is left of both.
// False if no run has anything left to give.
bool thin_out_states(Json& runs) {
  constexpr std::size_t kFewBins = 40, kFewReplicas = 8;
  for (const auto& [bins, replicas] :
       {std::pair(kFewBins, SIZE_MAX), {SIZE_MAX, kFewReplicas}, {1, SIZE_MAX}, {SIZE_MAX, 1}}) {
    bool changed = false;
    for (Json& run : runs) {
      if (!run.contains("states")) continue;
      Json& states = run["states"];
      if (states.at("queued").size() > bins) {
        halve(states);
        changed = true;
      } else if (states.at("replicas").size() > replicas) {
        halve_replicas(states);
        changed = true;
      }
    }
    if (changed) return true;
  }
  return false;
}

void fit_states(Json& runs) {
  const auto bytes = [&] {
    std::size_t sum = 0;
    for (const Json& run : runs) sum += run.contains("states") ? json_text(run["states"]).size() : 0;
    return sum;
  };
  while (bytes() > kMostStateBytes && thin_out_states(runs)) {
  }
  if (bytes() <= kMostStateBytes) return;
  for (Json& run : runs) run.erase("states");  // thousands of runs: nobody looks at each
}

}  // namespace

std::string report_data(const ReportOptions& options) {
  Json json = {{"version", 1}, {"program", options.program}, {"levels", sketch_levels()}};
  for (const SummaryField& field : summary_fields()) json["figures"][field.name] = field.doc;
  json["suites"] = Json::array();
  json["searches"] = Json::array();
  json["runs"] = Json::array();
  json["validations"] = Json::array();
  ReportSubjects subjects;
  for (const fs::path& folder : options.folders) {
    std::error_code fault;
    if (!fs::is_directory(folder, fault)) {
      throw InputError(fmt::format("report: {} is not a folder", in_quotes(folder.string())));
    }
    std::vector<fs::path> found;
    collect(folder, 0, found);
    if (found.empty()) {
      throw InputError(
          fmt::format("report: {} holds neither a run (summary.json) nor a search (leaderboard.json) nor a suite "
                      "(suite.json) nor a "
                      "validation (validation.json)",
                      in_quotes(folder.string())));
    }
    for (const fs::path& path : found) {
      for (const fs::path& file : result_files(path)) note_input(file);
      if (is_run(path) || is_search(path)) check_subject(path, subjects);
      if (is_suite(path)) json["suites"].push_back(suite_json(path, name_of(path)));
      if (is_search(path)) json["searches"].push_back(search_json(path, name_of(path), options));
      if (is_run(path)) json["runs"].push_back(run_json(path, name_of(path)));
      if (is_validation(path)) json["validations"].push_back(validation_json(path, name_of(path)));
    }
  }
  fit_states(json["runs"]);
  return json_text(json);
}

}  // namespace switchyard
