// Flags that several commands about many replays share.
#pragma once

#include "search/cli/options.hpp"
#include "search/objective.hpp"
#include "search/study.hpp"

namespace switchyard {

Options& declare_threads(Options& options);  // --threads and --quiet
int threads_from(const Options& options);

// Flags without effect on a command that tunes nothing, these others among them.
std::set<std::string> seeds_of_training(std::set<std::string> others);

Options& declare_goal(Options& options);  // --objective and --constraint
Goal goal_from(const Options& options);

// --profile-uncertainty: draws from the error of the profiles; 0 without it. Scenarios whose profiles have none are
// refused at once.
Options& declare_profile_uncertainty(Options& options);
std::int64_t profile_draws_from(const Options& options, const std::vector<Scenario>& scenarios);

// A number in (0, high], or none if the flag is not given. Throws InputError.
std::optional<double> positive_from(const Options& options, const std::string& flag, double high);

// Comma-separated parts, none empty. Throws InputError that names the flag.
std::vector<std::string> list_from(const std::string& flag, const std::string& text);

}  // namespace switchyard
