#include "search/study_files.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/input/write_file.hpp"

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
    if (!score.infeasible.empty()) json["infeasible"] = score.infeasible;
  }
  return json;
}

// In the order of their numbers; those of no score (a clairvoyant reference, say) are left out.
std::vector<TrialScore> scores_of(const Ledger& ledger, const StudyOptions& options, const PolicyInfo& policy) {
  const std::vector<std::uint64_t> seeds = ledger.experiment().scenario().train_seeds.seeds();
  std::vector<TrialScore> scores = ranked_trials(ledger, options.goal, policy, seeds);
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

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + "\"";
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
  return json.dump(2) + "\n";
}

std::string trials_csv(const Ledger& ledger, const StudyOptions& options) {
  std::string csv = "trial,policy,num_seeds,value,relative,infeasible,failure\n";
  std::vector<TrialScore> scores;
  for (const PolicyInfo* info : policies_of(options)) {
    const std::vector<TrialScore> own = scores_of(ledger, options, *info);
    scores.insert(scores.end(), own.begin(), own.end());
  }
  std::sort(scores.begin(), scores.end(), [](const TrialScore& a, const TrialScore& b) { return a.trial < b.trial; });
  for (const TrialScore& score : scores) {
    const bool failed = !score.failure.empty();
    fmt::format_to(std::back_inserter(csv), "{},{},{},{},{},{},{}\n", score.trial,
                   quoted(ledger.policy(score.trial).text()), score.num_seeds,
                   failed ? "" : fmt::format("{}", score.value), failed ? "" : fmt::format("{}", score.relative),
                   quoted(score.infeasible), quoted(score.failure));
  }
  return csv;
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
  write_file(folder / "timings.json", times.dump(2) + "\n");
}

}  // namespace switchyard
