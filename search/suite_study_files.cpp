#include "search/suite_study_files.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/input/json_text.hpp"
#include "core/input/write_file.hpp"
#include "results/text_table.hpp"
#include "search/suite_files.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kStudyScenarios = "scenarios.json";

Json subject_json(const Subject& subject, const std::filesystem::path& folder) {
  return {{"scenario", ordered_json_of(scenario_json(seen_from(folder, subject.scenario)))},
          {"digest", subject.digest},
          {"workload_source", subject.workload},
          {"cost_source", subject.cost}};
}

}  // namespace

std::string suite_study_config(const SuiteSubjects& subjects, const SuiteStudyOptions& options,
                               const std::filesystem::path& folder) {
  Json config = search_config(options.study);
  config["suite"] = kStudyScenarios;
  config["aggregate"] = aggregate_name(options.study.aggregate);
  config["reference"] = options.study.reference;
  if (!options.axes.empty()) config["train-over"] = format_training_axes(options.axes);
  config["leave-out"] = leave_out_name(options.leave_out);
  Json& resolved = config["resolved"] = {{"scenarios", Json::array()}, {"trained", Json::array()}};
  for (const Subject& subject : subjects.judged) resolved["scenarios"].push_back(subject_json(subject, folder));
  for (std::size_t i = 0; i < subjects.trained.size(); ++i) {
    resolved["trained"].push_back(subject_json(subjects.trained[i], folder));
    resolved["trained"].back()["of"] = subjects.owner[i];
  }
  return json_text(config, 2) + "\n";
}

bool is_suite_study(const JsonFile& config) { return config.root().contains("suite"); }

SuiteSubjects read_suite_subjects(const JsonFile& config) {
  try {
    SuiteSubjects subjects;
    const auto& resolved = config.root().at("resolved");
    for (const auto& [key, list] : {std::pair("scenarios", &subjects.judged), {"trained", &subjects.trained}}) {
      for (std::size_t i = 0; i < resolved.at(key).size(); ++i) {
        const auto& entry = resolved.at(key).at(i);
        list->push_back({.scenario = parse_scenario(config, fmt::format("/resolved/{}/{}/scenario", key, i)),
                         .digest = entry.at("digest"),
                         .workload = entry.at("workload_source"),
                         .cost = entry.at("cost_source")});
        if (entry.contains("of")) subjects.owner.push_back(entry["of"]);
      }
    }
    return subjects;
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not the configuration of a study: {}", config.name(), error.what()));
  }
}

SuiteStudyOptions read_suite_options(const JsonFile& config) {
  SuiteStudyOptions options{.study = read_study_config(config), .axes = {}, .leave_out = LeaveOut::choose};
  try {
    const auto& json = config.root();
    if (json.contains("train-over")) {
      options.axes = parse_training_axes(json["train-over"].get<std::string>(), config.name());
    }
    options.leave_out = parse_leave_out(json.at("leave-out"), config.name());
    return options;
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not the configuration of a study: {}", config.name(), error.what()));
  }
}

std::string left_out_text(const std::vector<LeftOut>& rows, LeaveOut how) {
  if (rows.empty()) return "";
  std::string text = fmt::format(
      "Left out: what the search would have ended with had a scenario not been trained on ({}), on that scenario's "
      "held-out seeds, relative to the default setting's figure; and what it ended with.\n",
      how == LeaveOut::search ? "another search of the same budget per scenario"
                              : "chosen anew among the settings that it tried, which that scenario had a part in");
  std::string specs;
  for (const LeftOut& row : rows) {
    text += fmt::format("  {}, {}: {} left out, {} trained on\n", row.scenario, row.policy, interval_text(row.ratio),
                        interval_text(row.best_ratio));
    if (row.chosen != row.best) specs += fmt::format("  without {}: {}\n", row.scenario, row.chosen);
  }
  return text + specs;
}

std::string left_out_csv(const std::vector<LeftOut>& rows) {
  std::vector<std::vector<std::string>> lines;
  for (const LeftOut& row : rows) {
    std::vector<std::string>& line = lines.emplace_back();
    line = {row.scenario, row.policy, row.chosen};
    for (const double value : {row.ratio.value, row.ratio.low, row.ratio.high})
      line.push_back(number_or_nothing(value));
    line.push_back(row.best);
    for (const double value : {row.best_ratio.value, row.best_ratio.low, row.best_ratio.high}) {
      line.push_back(number_or_nothing(value));
    }
  }
  return csv_table({"left_out", "policy", "chosen_without", "ratio_to_default", "low", "high", "chosen_with",
                    "with_ratio_to_default", "with_low", "with_high"},
                   lines);
}

void write_suite_study(const ResultFolder& folder, const SuiteStudy& study, const SuiteStudyOptions& options,
                       const SuiteStudy::Result& result, const StudyTimings& timings) {
  const std::filesystem::path staging = folder.staging();
  const SuiteSubjects subjects = study.subjects();
  const std::string config = suite_study_config(subjects, options, folder.path());
  std::vector<Scenario> scenarios;
  for (const Subject& subject : subjects.judged) scenarios.push_back(subject.scenario);
  write_suite(staging, result.suite);
  write_file(staging / "left_out.csv", left_out_csv(result.left_out));
  write_file(staging / "study.json", study_json(study.grid(), options.study, config));
  write_file(staging / "trials.csv", trials_csv(study.grid(), options.study));
  write_file(staging / "config.json", config);
  write_file(staging / kStudyScenarios, suite_scenarios_json(scenarios, folder.path()));
  write_file(staging / "timings.json", timings_json(folder, timings, study.num_replays()));
}

}  // namespace switchyard
