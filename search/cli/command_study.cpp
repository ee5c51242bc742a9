#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>

#include "core/input/error.hpp"
#include "search/cli/command.hpp"
#include "search/cli/search_flags.hpp"
#include "search/importance.hpp"
#include "search/study_files.hpp"

namespace switchyard {

namespace {

// A study as it is on disk, finished or not.
struct OpenStudy {
  explicit OpenStudy(const std::filesystem::path& folder)
      : store(folder / "study.db", StudyStore::Mode::read),
        config(folder / "study.db", store.config()),
        experiment(parse_scenario(config, "/scenario")),
        options(read_study_config(config)),
        evaluator(experiment, options.goal.objective.limits, 1),
        ledger(evaluator, &store) {
    for (const StoredTrial& trial : store.trials()) ledger.trial(parse_policy(trial.policy, "study"));
  }

  StudyStore store;
  JsonFile config;
  Experiment experiment;
  StudyOptions options;
  Evaluator evaluator;
  Ledger ledger;
};

void show_importance(const OpenStudy& study, const std::vector<TrialScore>& scores) {
  std::vector<std::string> specs;
  std::vector<double> values;
  for (const TrialScore& score : scores) {
    if (!score.failure.empty() || score.relative == 0) continue;
    specs.push_back(study.ledger.policy(score.trial).text());
    values.push_back(std::abs(score.relative));
  }
  auto shares = parameter_importance(specs, values);
  std::stable_sort(shares.begin(), shares.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [parameter, share] : shares) {
    if (share >= 0.005) std::cout << fmt::format("  {:>3.0f}% of the variance  {}\n", 100 * share, parameter);
  }
}

void show_best(const OpenStudy& study, bool with_importances) {
  const std::vector<std::uint64_t> seeds = study.experiment.scenario().train_seeds.seeds();
  for (const PolicyInfo* info : study.options.policies) {
    const std::vector<TrialScore> scores = ranked_trials(study.ledger, study.options.goal, *info);
    if (scores.empty()) continue;
    const std::size_t complete = static_cast<std::size_t>(std::count_if(
        scores.begin(), scores.end(), [&](const TrialScore& score) { return score.num_seeds == seeds.size(); }));
    const TrialScore& first = scores.front();
    // The default comes first; the best of the others after it.
    const TrialScore& best =
        scores.size() > 1 && scores[1].num_seeds == seeds.size() && scores[1].failure.empty() &&
                study.options.goal.objective.cost(scores[1].value) < study.options.goal.objective.cost(first.value)
            ? scores[1]
            : first;
    if (!with_importances) {
      std::cout << study.ledger.policy(best.trial).text() << "\n";
      continue;
    }
    std::cout << fmt::format("{}: {} trials, {} on all training seeds\n", info->name, scores.size(), complete);
    std::cout << fmt::format("  default  {:.6g}\n  best     {:.6g}  {}\n", first.value, best.value,
                             study.ledger.policy(best.trial).text());
    show_importance(study, scores);
  }
}

}  // namespace

Options declare_study() {
  Options options(
      "study show|trials|best|export DIR",
      "Looks into the study of a search, finished or not.\n"
      "show    what it is about; each policy's default and best training figure, and which parameters matter\n"
      "trials  every trial as CSV\n"
      "best    the best setting of each policy by training seeds, a spec a line\n"
      "export  study.json: everything, for programs (see `switchyard schema study`)\n"
      "example: switchyard study show out/search",
      2);
  options.word_candidates({"show", "trials", "best", "export"});
  return options;
}

int command_study(const Options& options) {
  const std::vector<std::string> actions = {"show", "trials", "best", "export"};
  if (options.words().empty()) throw InputError("study: say what to do: show, trials, best or export");
  const std::string& action = options.words()[0];
  if (std::find(actions.begin(), actions.end(), action) == actions.end()) {
    throw unknown_name("study", "action", action, actions);
  }
  if (options.words().size() < 2) throw InputError("study: give the folder that a search wrote");
  const OpenStudy study(options.words()[1]);
  if (action == "trials") std::cout << trials_csv(study.ledger, study.options);
  if (action == "export") std::cout << study_json(study.ledger, study.options);
  if (action == "best") show_best(study, false);
  if (action == "show") {
    std::cout << fmt::format("{}: {} by {}, training seeds {}, study seed {}; {} trials, {} replays\n",
                             study.experiment.scenario().name, study.options.goal.objective.text(),
                             study.options.method, format_seed_range(study.experiment.scenario().train_seeds),
                             study.options.study_seed, study.ledger.num_trials(), study.store.replays().size());
    show_best(study, true);
  }
  return 0;
}

}  // namespace switchyard
