#include "search/study_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/input/json_text.hpp"
#include "core/input/write_file.hpp"
#include "core/scenario/digest.hpp"
#include "core/scenario/fields.hpp"
#include "results/schema_parts.hpp"
#include "results/text_table.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;
constexpr int kStudyVersion = 1;

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

Json trial_json(const Grid& grid, const TrialScore& score) {
  const PolicySpec& policy = grid.policy(score.trial);
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
std::vector<TrialScore> scores_of(const Grid& grid, const StudyOptions& options, const PolicyInfo& policy) {
  std::vector<TrialScore> scores = ranked_trials(grid, options, policy);
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

std::string study_json(const Grid& grid, const StudyOptions& options, const std::string& config) {
  Json json = {{"version", kStudyVersion},
               {"config", ordered_json_of(config)},
               {"objective", options.goal.objective.text()},
               {"higher_is_better", options.goal.objective.higher_is_better()},
               {"num_training_seeds", grid.training_cells().size()},
               {"policies", Json::array()}};
  for (const PolicyInfo* info : policies_of(options)) {
    Json trials = Json::array();
    for (const TrialScore& score : scores_of(grid, options, *info)) trials.push_back(trial_json(grid, score));
    json["policies"].push_back({{"policy", info->name}, {"trials", std::move(trials)}});
  }
  return json_text(json, 2) + "\n";
}

namespace {

Json config_schema() {
  Json scenario = Json::parse(scenario_schema());
  for (const char* key : {"$schema", "title", "description"}) scenario.erase(key);
  const Json sources = {{"digest", schema::digest()},
                        {"workload_source", schema::text("where requests came from")},
                        {"cost_source", schema::text("where batch times came from")}};
  const Json resolved = schema::closed_object(sources);
  Json fields = {{"scenario", {{"description", "all of its fields"}, {"type", "object"}}}};
  fields.update(sources);
  const Json subject = schema::closed_object(fields);
  fields["of"] = schema::count("the judged scenario that it stands for, from 0");
  const Json trained = schema::closed_object(fields);
  const Json properties = {
      {"version", schema::version(kConfigVersion)},
      {"policy", schema::text("policies that are tuned, comma between")},
      {"method", {{"enum", method_names()}}},
      {"grid-points", schema::count("points per number; grid only")},
      {"replays", schema::count("budget of each policy on training seeds")},
      {"budget-s", schema::number("in place of it, wall time, s")},
      {"objective", schema::text("what ranks")},
      {"constraint", schema::text("limits on means over seeds, comma between")},
      {"study-seed", schema::count("seed of the search itself")},
      {"leaders", schema::count("settings per policy that are judged")},
      {"width", schema::count("replays that a round has at least, if it was given")},
      {"scenario", scenario},
      {"suite", schema::text("of several scenarios: the file that holds them")},
      {"aggregate", {{"enum", aggregate_names()}}},
      {"reference", schema::text("the policy to whose figures ratios are")},
      {"train-over", schema::text("axes that training was spread over")},
      {"leave-out", schema::text("how settings without a scenario were found")},
      {"resolved",
       {{"anyOf",
         {resolved, schema::closed_object({{"scenarios", schema::list_of("judged", subject)},
                                           {"trained", schema::list_of("trained on", trained)}})}}}}};
  Json config =
      schema::closed_object(properties, {"grid-points", "replays", "budget-s", "constraint", "width", "resolved",
                                         "scenario", "suite", "aggregate", "reference", "train-over", "leave-out"});
  config["anyOf"] = {{{"required", {"scenario"}}}, {{"required", {"suite"}}}};
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
      schema::closed_object({{"version", schema::version(kStudyVersion)},
                             {"config", config_schema()},
                             {"objective", schema::text("what ranks")},
                             {"higher_is_better", schema::flag("direction of the objective")},
                             {"num_training_seeds", schema::count("seeds that settings are chosen by")},
                             {"policies", schema::list_of("lor and llq, then the study's own", policy)}}));
}

namespace {

std::vector<std::string> trial_columns() {
  return {"trial", "policy", "num_seeds", "value", "relative", "validation", "infeasible", "failure"};
}

}  // namespace

std::string no_trials_csv() { return csv_table(trial_columns(), {}); }

std::string trials_csv(const Grid& grid, const StudyOptions& options) {
  std::vector<TrialScore> scores;
  for (const PolicyInfo* info : policies_of(options)) {
    const std::vector<TrialScore> own = scores_of(grid, options, *info);
    scores.insert(scores.end(), own.begin(), own.end());
  }
  std::sort(scores.begin(), scores.end(), [](const TrialScore& a, const TrialScore& b) { return a.trial < b.trial; });
  std::vector<std::vector<std::string>> rows;
  for (const TrialScore& score : scores) {
    const bool failed = !score.failure.empty();
    rows.push_back({fmt::format("{}", score.trial), grid.policy(score.trial).text(), fmt::format("{}", score.num_seeds),
                    failed ? "" : fmt::format("{}", score.value), failed ? "" : fmt::format("{}", score.relative),
                    score.validation ? fmt::format("{}", *score.validation) : "", score.infeasible, score.failure});
  }
  return csv_table(trial_columns(), rows);
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
    if (json.contains("aggregate")) options.aggregate = parse_aggregate(json["aggregate"], config.name());
    options.reference = json.value("reference", options.reference);
    return options;
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not the configuration of a study: {}", config.name(), error.what()));
  }
}

Subject read_study_subject(const JsonFile& config) {
  try {
    const auto resolved = config.root().value("resolved", nlohmann::json::object());
    return {.scenario = parse_scenario(config, "/scenario"),
            .digest = resolved.value("digest", ""),
            .workload = resolved.value("workload_source", ""),
            .cost = resolved.value("cost_source", "")};
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not the configuration of a study: {}", config.name(), error.what()));
  }
}

namespace {

// A study's subjects, as its configuration has them: pairs of a scenario and of what was found for it.
std::vector<std::pair<Json, Json>> subjects_of(const Json& config) {
  const Json resolved = config.value("resolved", Json::object());
  std::vector<std::pair<Json, Json>> subjects;
  if (config.contains("scenario")) subjects.emplace_back(config["scenario"], resolved);
  for (const char* key : {"scenarios", "trained"}) {
    for (const Json& subject : resolved.value(key, Json::array())) subjects.emplace_back(subject["scenario"], subject);
  }
  return subjects;
}

// What differs between two flat objects, thrown by name.
void check_same_values(const Json& before, const Json& now, const std::string& what,
                       const std::string& budget_flag = "") {
  for (const auto* side : {&now, &before}) {
    for (const auto& item : side->items()) {
      const std::string& key = item.key();
      const auto text = [&](const Json& json) { return json.contains(key) ? json_text(json[key]) : "not given"; };
      if (text(before) == text(now)) continue;
      const bool budget = key == "/replays" && before.contains(key) && now.contains(key);
      if (budget && now[key] > before[key]) continue;
      const char* unit = budget && budget_flag != "replays" ? " replays" : "";
      throw InputError(fmt::format("--resume: {}{}: the study was started with {}{}, not {}{}", what,
                                   budget ? budget_flag : key.substr(1), text(before), unit, text(now),
                                   budget ? ": a budget can grow, not shrink" : ""));
    }
  }
}

}  // namespace

void check_same_study(const std::string& stored, const std::string& asked, const std::string& budget) {
  Json before = ordered_json_of(stored), now = ordered_json_of(asked);
  auto were = subjects_of(before), are = subjects_of(now);
  for (Json* config : {&before, &now}) {
    for (const char* key : {"resolved", "scenario"}) config->erase(key);
  }
  check_same_values(before.flatten(), now.flatten(), "--", budget);
  if (were.size() != are.size()) {
    throw InputError(fmt::format("--resume: the study was started with {} scenarios, not {}", were.size(), are.size()));
  }
  for (std::size_t i = 0; i < were.size(); ++i) {
    auto& [before_scenario, was] = were[i];
    auto& [scenario, is] = are[i];
    const std::string name = are.size() == 1 ? "" : fmt::format("{}, ", scenario.value("name", ""));
    // What the data are is told by their digest, not by where they lie or what they are called.
    for (Json* each : {&before_scenario, &scenario}) {
      for (const char* key : {"name", "description"}) each->erase(key);
      for (const ScenarioField& field : scenario_fields()) {
        if (field.names) each->at(field.section).erase(field.key);
      }
    }
    check_same_values(before_scenario.flatten(), scenario.flatten(), name + "scenario field ");
    const std::string difference = digest_difference(was.value("digest", ""), is.value("digest", ""));
    if (difference.empty()) continue;
    std::string sources;
    for (const char* source : {"workload_source", "cost_source"}) {
      const std::string from = was.value(source, ""), to = is.value(source, "");
      if (from != to) sources += fmt::format("; it ran on {}, now there is {}", from, to);
    }
    throw InputError(fmt::format("--resume: {}the study was started on something else: they differ in {}{}", name,
                                 difference, sources));
  }
}

std::vector<std::string> study_leaders(const std::vector<const RankedRow*>& rows, const StudyOptions& options) {
  std::vector<std::string> specs;
  for (const PolicyInfo* info : options.policies) {
    const auto best =  // rows are in the order of their ranks
        std::find_if(rows.begin(), rows.end(), [&](const RankedRow* row) {
          return parse_policy(row->policy, "leaderboard").info->name == info->name && row->failure.empty();
        });
    if (best != rows.end()) specs.push_back((*best)->policy);
  }
  return specs;
}

std::vector<std::string> leaders_so_far(const Grid& grid, const StudyOptions& options) {
  const std::size_t num_training = grid.training_cells().size();
  std::vector<std::string> specs;
  for (const PolicyInfo* info : options.policies) {
    const std::vector<TrialScore> scores = ranked_trials(grid, options, *info);
    if (scores.empty()) continue;
    const auto key = [&](const TrialScore& score) {
      return std::tuple(score.num_seeds < num_training, !score.failure.empty(), !score.infeasible.empty(),
                        options.goal.objective.cost(score.value));
    };
    // The default comes first, the best of the others after it.
    const bool other = scores.size() > 1 && key(scores[1]) < key(scores[0]);
    specs.push_back(grid.policy(scores[other ? 1 : 0].trial).text());
  }
  return specs;
}

std::string timings_json(const ResultFolder& folder, const StudyTimings& timings, std::size_t num_replays) {
  const Json times = {{"version", 2},
                      {"threads", timings.threads},
                      {"replays", num_replays},
                      {"seconds", timings.seconds},
                      {"replays_per_second", static_cast<double>(num_replays) / timings.seconds},
                      {"folder", folder.path().string()}};
  return json_text(times, 2) + "\n";
}

void write_study(const ResultFolder& folder, Ledger& ledger, const StudyOptions& options, const StudyResult& result,
                 const StudyTimings& timings) {
  const Grid grid(ledger);
  const std::string config = study_config(ledger.subject(), options, folder.path());
  write_file(folder.staging() / "leaderboard.json", render(result.leaderboard, TableFormat::json));
  write_file(folder.staging() / "leaderboard.csv", render(result.leaderboard, TableFormat::csv));
  write_file(folder.staging() / "leaderboard.md", render(result.leaderboard, TableFormat::markdown));
  write_file(folder.staging() / "study.json", study_json(grid, options, config));
  write_file(folder.staging() / "trials.csv", trials_csv(grid, options));
  write_file(folder.staging() / "config.json", config);
  write_file(folder.staging() / "timings.json", timings_json(folder, timings, ledger.num_replays()));
}

}  // namespace switchyard
