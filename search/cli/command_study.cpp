#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>

#include "core/input/error.hpp"
#include "search/cli/command.hpp"
#include "search/cli/search_flags.hpp"
#include "search/importance.hpp"
#include "search/suite_study_files.hpp"

namespace switchyard {

namespace {

// A study as it is on disk, finished or not. Nothing else is needed: neither the trace nor the batch times.
struct OpenStudy {
  explicit OpenStudy(const std::filesystem::path& path)
      : folder(path),
        store(path / "study.db", StudyStore::Mode::read),
        config(path / "study.db", store.config()),
        options(read_study_config(config)),
        leaders(store.leaders()),
        finished(!leaders.empty()) {
    if (is_suite_study(config)) {
      suite = read_suite_subjects(config);
      for (const Subject& subject : suite->trained) {
        const std::string key = replay_key(subject.digest, options.goal.objective.limits);
        ledgers.push_back(std::make_unique<Ledger>(subject, store, key));
      }
    } else {
      ledgers.push_back(std::make_unique<Ledger>(read_study_subject(config), store));
    }
    if (!finished) leaders = leaders_so_far(grid(), options);
  }

  Grid grid() const {
    std::vector<Ledger*> all;
    for (const auto& ledger : ledgers) all.push_back(ledger.get());
    return Grid(all);
  }
  // What it was started with, as it would be now: files may lie elsewhere.
  std::string config_text() const {
    if (!suite) return study_config(ledgers[0]->subject(), options, folder);
    return suite_study_config(*suite, read_suite_options(config), folder);
  }

  std::filesystem::path folder;
  StudyStore store;
  JsonFile config;
  StudyOptions options;
  std::optional<SuiteSubjects> suite;
  std::vector<std::unique_ptr<Ledger>> ledgers;
  std::vector<std::string> leaders;  // see study_leaders
  bool finished = false;
};

// A search that was killed at once, or has only just begun.
void show_nothing(const std::filesystem::path& folder, const std::string& action) {
  const std::string what = fmt::format("{}: 0 trials: the search has not written anything down", folder.string());
  if (action == "export") throw InputError(what);
  if (action == "trials") std::cout << no_trials_csv();
  if (action == "show") std::cout << what << "\n";
}

void show_subject(const OpenStudy& study) {
  const Scenario& scenario = study.ledgers[0]->scenario();
  const std::string how =
      fmt::format("study seed {}; {} trials, {} replays{}\n", study.options.study_seed, study.ledgers[0]->num_trials(),
                  study.store.replays().size(), study.finished ? "" : "; not finished");
  const auto digest = [](const Subject& subject) { return subject.digest.empty() ? "unknown" : subject.digest; };
  if (!study.suite) {
    std::cout << fmt::format("{}: {} by {}, training seeds {}, {}digest {}\n", scenario.name,
                             study.options.goal.objective.text(), study.options.method,
                             format_seed_range(scenario.train_seeds), how, digest(study.ledgers[0]->subject()));
    return;
  }
  const bool worst = study.options.aggregate == Aggregate::worst;
  std::cout << fmt::format("{} scenarios: {} of the ratios of {} to {}'s by {}, {}", study.suite->judged.size(),
                           worst ? "the worst" : "the geometric mean", study.options.goal.objective.text(),
                           study.options.reference, study.options.method, how);
  for (const auto& ledger : study.ledgers) {
    std::cout << fmt::format("  {}: training seeds {}, digest {}\n", ledger->scenario().name,
                             format_seed_range(ledger->scenario().train_seeds), digest(ledger->subject()));
  }
}

void show_importance(const OpenStudy& study, const std::vector<TrialScore>& scores) {
  std::vector<std::string> specs;
  std::vector<double> values;
  for (const TrialScore& score : scores) {
    if (!score.failure.empty() || score.relative == 0) continue;
    specs.push_back(study.ledgers[0]->policy(score.trial).text());
    values.push_back(std::abs(score.relative));
  }
  auto shares = parameter_importance(specs, values);
  std::stable_sort(shares.begin(), shares.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [parameter, share] : shares) {
    if (share >= 0.005) std::cout << fmt::format("  {:>3.0f}% of the variance  {}\n", 100 * share, parameter);
  }
}

void show_policies(const OpenStudy& study) {
  const Grid grid = study.grid();
  const std::size_t num_seeds = grid.training_cells().size();
  for (const std::string& leader : study.leaders) {
    const PolicyInfo& info = *parse_policy(leader, "study").info;
    const std::vector<TrialScore> scores = ranked_trials(grid, study.options, info);
    const auto complete = std::count_if(scores.begin(), scores.end(),
                                        [&](const TrialScore& score) { return score.num_seeds == num_seeds; });
    const auto best = std::find_if(scores.begin(), scores.end(),
                                   [&](const TrialScore& score) { return grid.policy(score.trial).text() == leader; });
    std::cout << fmt::format("{}: {} trials, {} on all training seeds\n", info.name, scores.size(), complete);
    const auto figure = [](const TrialScore& score) {
      return score.failure.empty() ? fmt::format("{:.6g}", score.value) : "failed";
    };
    std::cout << fmt::format("  default  {}\n  best     {}  {}\n", figure(scores.front()),
                             best == scores.end() ? "unknown" : figure(*best), leader);
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
      "best    the best setting of each policy, as the leaderboard ranks it, or of those tried so far if the search is "
      "not "
      "done: a spec a line\n"
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
  const std::filesystem::path folder = options.words()[1];
  if (StudyStore(folder / "study.db", StudyStore::Mode::read).config().empty()) {
    show_nothing(folder, action);
    return 0;
  }
  const OpenStudy study(folder);
  if (action == "trials") std::cout << trials_csv(study.grid(), study.options);
  if (action == "export") std::cout << study_json(study.grid(), study.options, study.config_text());
  if (action == "best") {
    for (const std::string& spec : study.leaders) std::cout << spec << "\n";
  }
  if (action == "show") {
    show_subject(study);
    show_policies(study);
  }
  return 0;
}

}  // namespace switchyard
