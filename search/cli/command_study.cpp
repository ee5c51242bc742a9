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

// A study as it is on disk, finished or not. Nothing else is needed: neither the trace nor the batch times.
struct OpenStudy {
  explicit OpenStudy(const std::filesystem::path& path)
      : folder(path),
        store(path / "study.db", StudyStore::Mode::read),
        config(path / "study.db", store.config()),
        options(read_study_config(config)),
        ledger(read_study_subject(config), store),
        leaders(store.leaders()),
        finished(!leaders.empty()) {
    if (!finished) leaders = leaders_so_far(ledger, options);
  }

  std::filesystem::path folder;
  StudyStore store;
  JsonFile config;
  StudyOptions options;
  Ledger ledger;
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

void show_policies(const OpenStudy& study) {
  const std::size_t num_seeds = study.ledger.scenario().train_seeds.seeds().size();
  for (const std::string& leader : study.leaders) {
    const PolicyInfo& info = *parse_policy(leader, "study").info;
    const std::vector<TrialScore> scores = ranked_trials(study.ledger, study.options.goal, info);
    const auto complete = std::count_if(scores.begin(), scores.end(),
                                        [&](const TrialScore& score) { return score.num_seeds == num_seeds; });
    const auto best = std::find_if(scores.begin(), scores.end(), [&](const TrialScore& score) {
      return study.ledger.policy(score.trial).text() == leader;
    });
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
  if (action == "trials") std::cout << trials_csv(study.ledger, study.options);
  if (action == "export") std::cout << study_json(study.ledger, study.options, study.folder);
  if (action == "best") {
    for (const std::string& spec : study.leaders) std::cout << spec << "\n";
  }
  if (action == "show") {
    const Scenario& scenario = study.ledger.scenario();
    std::cout << fmt::format("{}: {} by {}, training seeds {}, study seed {}; {} trials, {} replays{}\n", scenario.name,
                             study.options.goal.objective.text(), study.options.method,
                             format_seed_range(scenario.train_seeds), study.options.study_seed,
                             study.ledger.num_trials(), study.store.replays().size(),
                             study.finished ? "" : "; not finished");
    const std::string& digest = study.ledger.subject().digest;
    std::cout << fmt::format("digest {}\n", digest.empty() ? "unknown" : digest);
    show_policies(study);
  }
  return 0;
}

}  // namespace switchyard
