// A study: tune policies on training seeds, judge the leaders on seeds that the tuning never saw.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "results/leaderboard.hpp"
#include "search/grid.hpp"
#include "search/methods/method.hpp"
#include "search/objective.hpp"

namespace switchyard {

// What several scenarios say together of a setting: the geometric mean of the ratios of its figures to those of a
// reference policy, or the worst of them.
enum class Aggregate : std::uint8_t { geometric_mean, worst };
std::vector<std::string> aggregate_names();
Aggregate parse_aggregate(const std::string& name, std::string_view where);  // throws InputError
std::string aggregate_name(Aggregate aggregate);

struct StudyOptions {
  std::vector<const PolicyInfo*> policies;
  std::string method = kDefaultMethod;
  Goal goal;
  std::size_t replays = 800;       // budget of each policy's tuning; grid takes what it needs
  std::optional<double> budget_s;  // in place of it: wall time for each policy, s; then runs cannot be reproduced
  std::size_t grid_points = 5;
  std::uint64_t study_seed = 1;
  std::size_t leaders = 1;  // per policy, besides its default setting
  // Replays that a round of the search should have at least, for many workers; 0: as the method likes. Declared, since
  // it changes what is tried; it is not the number of workers that happen to be there.
  std::size_t width = 0;
  // Of several scenarios.
  Aggregate aggregate = Aggregate::geometric_mean;
  std::string reference = "llq";  // spec; its figures are above 0
};

inline constexpr int kConfigVersion = 2;  // of study_config

// What a study was started with, as JSON: `switchyard search --config` repeats it, --resume compares it. `resolved` in
// it says what that came to: the digest, and where the data came from. Paths are as seen from `folder`.
std::string study_config(const Subject& subject, const StudyOptions& options,
                         const std::filesystem::path& folder = ".");

// The part of it that is about the search.
nlohmann::ordered_json search_config(const StudyOptions& options);

// A setting and how it did in training. With several scenarios, seeds are those of all of them together, and values are
// aggregates of ratios.
struct TrialScore {
  std::size_t trial = 0;
  std::size_t num_seeds = 0;  // training seeds that it ran on; fewer than all: given up early
  std::string failure;
  std::string infeasible;            // the constraints that it breaks on these seeds, with what was found
  double value = 0;                  // objective, mean over these seeds
  double relative = 0;               // value / that of the policy's default setting on the same seeds
  std::optional<double> validation;  // of a finalist: objective, mean over the validation seeds
};

// The order in which racing takes the training seeds: of each scenario those where the reference setting costs most
// first, as they weigh most in the mean; scenarios in turn, so that the first looks are at as many as can be.
std::vector<Cell> racing_order(const Grid& grid, const Goal& goal, std::size_t reference);

// The trials of a policy, the default setting's first, then best first: those that ran on all training seeds, kept to
// the constraints and did not fail come before others, and finalists before all of these, by the mean over training and
// validation seeds.
std::vector<TrialScore> ranked_trials(const Grid& grid, const StudyOptions& options, const PolicyInfo& policy);

// What a policy's search came to.
struct TunedPolicy {
  std::size_t own = 0;               // trial of its default setting
  std::vector<std::size_t> leaders;  // trials, the best first, the default not among them
};

struct Tuning {
  std::vector<std::size_t> references;  // trials of lor, llq and the yardstick, each once
  std::vector<TunedPolicy> policies;    // in the order of the options
  std::size_t replays = 0;              // that the budgets were spent on, validation included
};

// Each policy is tuned by the method on the training seeds of all scenarios of the grid; then its best few settings
// there, which owe something to luck on these seeds, are run on the validation seeds, too, for at most an eighth of the
// budget, and its leaders are chosen among them by both. The default setting of every policy, and of lor and llq for
// reference, is always a trial. The result depends on nothing but the experiments and the options, whatever the ledgers
// knew before (with budget_s: on time too). Throws InputError if there are several scenarios and the yardstick fails or
// has a figure of 0 in one.
Tuning tune(Grid& grid, const StudyOptions& options);

struct StudyResult {
  Leaderboard leaderboard;
  std::size_t training_replays = 0;  // that the budgets were spent on, validation included
};

// Tunes on one scenario, and judges default settings and leaders on its held-out seeds.
StudyResult run_study(Ledger& ledger, const StudyOptions& options);

}  // namespace switchyard
