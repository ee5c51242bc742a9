// A study: tune policies on training seeds, judge the leaders on seeds that the tuning never saw.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "results/leaderboard.hpp"
#include "search/ledger.hpp"
#include "search/methods/method.hpp"
#include "search/objective.hpp"

namespace switchyard {

struct StudyOptions {
  std::vector<const PolicyInfo*> policies;
  std::string method = kDefaultMethod;
  Goal goal;
  std::size_t replays = 800;       // budget of each policy's tuning; grid takes what it needs
  std::optional<double> budget_s;  // in place of it: wall time for each policy, s; then runs cannot be reproduced
  std::size_t grid_points = 5;
  std::uint64_t study_seed = 1;
  std::size_t leaders = 1;  // per policy, besides its default setting
};

inline constexpr int kConfigVersion = 2;  // of study_config

// What a study was started with, as JSON: `switchyard search --config` repeats it, --resume compares it. `resolved` in
// it says what that came to: the digest, and where the data came from. Paths are as seen from `folder`.
std::string study_config(const Subject& subject, const StudyOptions& options,
                         const std::filesystem::path& folder = ".");

// A setting and how it did in training.
struct TrialScore {
  std::size_t trial = 0;
  std::size_t num_seeds = 0;  // training seeds that it ran on; fewer than all: given up early
  std::string failure;
  std::string infeasible;            // the constraints that it breaks on these seeds, with what was found
  double value = 0;                  // objective, mean over these seeds
  double relative = 0;               // value / that of the policy's default setting on the same seeds
  std::optional<double> validation;  // of a finalist: objective, mean over the validation seeds
};

// The order in which racing takes training seeds: those where the reference setting costs most first, as they weigh
// most in the mean.
std::vector<std::uint64_t> seed_order(const Ledger& ledger, const Goal& goal, std::size_t reference,
                                      std::vector<std::uint64_t> seeds);

// The trials of a policy, the default setting's first, then best first: those that ran on all training seeds, kept to
// the constraints and did not fail come before others, and finalists before all of these, by the mean over training and
// validation seeds.
std::vector<TrialScore> ranked_trials(const Ledger& ledger, const Goal& goal, const PolicyInfo& policy);

struct StudyResult {
  Leaderboard leaderboard;
  std::size_t training_replays = 0;  // that the budgets were spent on, validation included
};

// Each policy is tuned by the method on the training seeds; then its best few settings there, which owe something to
// luck on these seeds, are run on the validation seeds, too, for at most an eighth of the budget, and its leaders are
// chosen among them by both. The default setting of every policy, and of lor and llq for reference, is always a trial
// and always judged. The result depends on nothing but the experiment and the options, whatever the ledger knew before
// (with budget_s: on time too).
StudyResult run_study(Ledger& ledger, const StudyOptions& options);

}  // namespace switchyard
