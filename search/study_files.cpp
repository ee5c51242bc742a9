#include "search/study_files.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/input/json_text.hpp"
#include "core/input/write_file.hpp"
#include "core/scenario/fields.hpp"
#include "results/schema_parts.hpp"
#include "results/text_table.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kVersion = 1;

Json params_json(const PolicySpec& policy) {
  Json json = Json::object();
  for (std::size_t i = 0; i < policy.info->params.size(); ++i) {
    const ParamSpec& param = policy.info->params[i];
    if (!is_active(policy.info->params, policy.values, i)) continue;
    if (param.type == ParamType::choice) {
      json[param.name] = format_value(param, policy.values[i]);
    } else if (param.type == ParamType::integer) {
      json[param.name] = static_cast<std::int64_t>(policy.values[i]);
    } else {
      json[param.name] = policy.values[i];
    }
  }
  return json;
}

Json trial_json(const Ledger& ledger, const TrialScore& score) {
  const PolicySpec& policy = ledger.policy(score.trial);
  Json json = {{"trial", score.trial},
               {"policy", policy.text()},
               {"params", params_json(policy)},
               {"num_seeds", score.num_seeds}};
  if (!score.failure.empty()) {
    json["failure"] = score.failure;
  } else {
    json["value"] = score.value;
    json["relative"] = score.relative;
    if (score.validation) json["validation"] = *score.validation;
    if (!score.infeasible.empty()) json["infeasible"] = score.infeasible;
  }
  return json;
}

// In the order of their numbers; those of no score (a clairvoyant reference, say) are left out.
std::vector<TrialScore> scores_of(const Ledger& ledger, const StudyOptions& options, const PolicyInfo& policy) {
  std::vector<TrialScore> scores = ranked_trials(ledger, options.goal, policy);
  std::erase_if(scores, [](const TrialScore& score) { return score.num_seeds == 0; });
  std::sort(scores.begin(), scores.end(), [](const TrialScore& a, const TrialScore& b) { return a.trial < b.trial; });
  return scores;
}

// The study's policies, and before them lor and llq.
std::vector<const PolicyInfo*> policies_of(const StudyOptions& options) {
  std::vector<const PolicyInfo*> policies = {&find_policy("lor", ""), &find_policy("llq", "")};
  for (const PolicyInfo* info : options.policies) {
    if (std::find(policies.begin(), policies.end(), info) == policies.end()) policies.push_back(info);
  }
  return policies;
}

}  // namespace

std::string study_json(const Ledger& ledger, const StudyOptions& options) {
  const std::vector<std::uint64_t> seeds = ledger.experiment().scenario().train_seeds.seeds();
  Json json = {{"version", kVersion},
               {"config", Json::parse(study_config(ledger.experiment().scenario(), options))},
               {"objective", options.goal.objective.text()},
               {"higher_is_better", options.goal.objective.higher_is_better()},
               {"num_training_seeds", seeds.size()},
               {"policies", Json::array()}};
  for (const PolicyInfo* info : policies_of(options)) {
    Json trials = Json::array();
    for (const TrialScore& score : scores_of(ledger, options, *info)) trials.push_back(trial_json(ledger, score));
    json["policies"].push_back({{"policy", info->name}, {"trials", std::move(trials)}});
  }
  return json_text(json, 2) + "\n";
}

namespace {

Json config_schema() {
  Json scenario = Json::parse(scenario_schema());
  for (const char* key : {"$schema", "title", "description"}) scenario.erase(key);
  const Json properties = {{"version", schema::version(kConfigVersion)},
                           {"policy", schema::text("policies that are tuned, comma between")},
                           {"method", {{"enum", method_names()}}},
                           {"grid-points", schema::count("points per number; grid only")},
                           {"replays", schema::count("budget of each policy on training seeds")},
                           {"budget-s", schema::number("in place of it, wall time, s")},
                           {"objective", schema::text("what ranks")},
                           {"constraint", schema::text("limits on means over seeds, comma between")},
                           {"study-seed", schema::count("seed of the search itself")},
                           {"leaders", schema::count("settings per policy that are judged")},
                           {"scenario", scenario}};
  Json config = schema::closed_object(properties, {"grid-points", "replays", "budget-s", "constraint"});
  for (const char* budget : {"grid-points", "replays", "budget-s"}) config["oneOf"].push_back({{"required", {budget}}});
  return config;
}

}  // namespace

std::string study_config_schema() {
  return schema::published("switchyard search: config.json", "What repeats a search.", config_schema());
}

std::string study_schema() {
  const Json trial = schema::closed_object(
      {{"trial", schema::count("number of the trial in the study, in the order of asking")},
       {"policy", schema::text("canonical spec")},
       {"params", {{"description", "its parameters that matter, by name"}, {"type", "object"}}},
       {"num_seeds", schema::count("training seeds that it ran on; fewer than all: given up early")},
       {"failure", schema::text("why it failed; then there is no figure")},
       {"value", schema::number("objective, mean over these seeds")},
       {"relative", schema::number("value over that of the policy's default setting on the same seeds")},
       {"validation", schema::number("of a finalist: objective, mean over the validation seeds")},
       {"infeasible", schema::text("the constraints that it breaks, with what was found")}},
      {"failure", "value", "relative", "validation", "infeasible"});
  const Json policy = schema::closed_object(
      {{"policy", schema::text("name")}, {"trials", schema::list_of("in the order of asking", trial)}});
  return schema::published(
      "switchyard search: study.json", "Every trial of a search.",
      schema::closed_object({{"version", schema::version(kVersion)},
                             {"config", config_schema()},
                             {"objective", schema::text("what ranks")},
                             {"higher_is_better", schema::flag("direction of the objective")},
                             {"num_training_seeds", schema::count("seeds that settings are chosen by")},
                             {"policies", schema::list_of("lor and llq, then the study's own", policy)}}));
}

std::string trials_csv(const Ledger& ledger, const StudyOptions& options) {
  std::vector<TrialScore> scores;
  for (const PolicyInfo* info : policies_of(options)) {
    const std::vector<TrialScore> own = scores_of(ledger, options, *info);
    scores.insert(scores.end(), own.begin(), own.end());
  }
  std::sort(scores.begin(), scores.end(), [](const TrialScore& a, const TrialScore& b) { return a.trial < b.trial; });
  std::vector<std::vector<std::string>> rows;
  for (const TrialScore& score : scores) {
    const bool failed = !score.failure.empty();
    rows.push_back({fmt::format("{}", score.trial), ledger.policy(score.trial).text(),
                    fmt::format("{}", score.num_seeds), failed ? "" : fmt::format("{}", score.value),
                    failed ? "" : fmt::format("{}", score.relative),
                    score.validation ? fmt::format("{}", *score.validation) : "", score.infeasible, score.failure});
  }
  return csv_table({"trial", "policy", "num_seeds", "value", "relative", "validation", "infeasible", "failure"}, rows);
}

StudyOptions read_study_config(const JsonFile& config) {
  try {
    const auto& json = config.root();
    StudyOptions options;
    const std::string names = json.at("policy");
    for (std::size_t begin = 0; begin < names.size();) {
      const std::size_t end = std::min(names.find(',', begin), names.size());
      options.policies.push_back(&find_policy(names.substr(begin, end - begin), config.name()));
      begin = end + 1;
    }
    options.method = json.at("method");
    options.goal.objective = parse_objective(json.at("objective").get<std::string>(), config.name());
    if (json.contains("constraint")) {
      options.goal.constraints = parse_constraints(json["constraint"].get<std::string>(), config.name());
    }
    options.replays = json.value("replays", std::size_t{0});
    options.grid_points = json.value("grid-points", std::size_t{5});
    if (json.contains("budget-s")) options.budget_s = json["budget-s"].get<double>();
    options.study_seed = json.at("study-seed");
    options.leaders = json.at("leaders");
    return options;
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not the configuration of a study: {}", config.name(), error.what()));
  }
}

void write_study(const std::filesystem::path& folder, const Ledger& ledger, const StudyOptions& options,
                 const StudyResult& result, const StudyTimings& timings) {
  const Json times = {{"version", 2},
                      {"threads", timings.threads},
                      {"replays", ledger.num_replays()},
                      {"seconds", timings.seconds},
                      {"replays_per_second", static_cast<double>(ledger.num_replays()) / timings.seconds},
                      {"folder", folder.string()}};
  write_file(folder / "leaderboard.json", render(result.leaderboard, TableFormat::json));
  write_file(folder / "leaderboard.csv", render(result.leaderboard, TableFormat::csv));
  write_file(folder / "leaderboard.md", render(result.leaderboard, TableFormat::markdown));
  write_file(folder / "study.json", study_json(ledger, options));
  write_file(folder / "trials.csv", trials_csv(ledger, options));
  write_file(folder / "config.json", study_config(ledger.experiment().scenario(), options));
  write_file(folder / "timings.json", json_text(times, 2) + "\n");
}

}  // namespace switchyard
