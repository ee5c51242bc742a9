// --format and --json, of every command that prints a leaderboard.
#pragma once

#include "results/leaderboard.hpp"
#include "search/cli/options.hpp"

namespace switchyard {

Options& declare_format(Options& options);

// Throws InputError for an unknown format, or for --json beside another.
TableFormat format_from(const Options& options);

// --wide and --columns of a leaderboard; `wide` says what the former adds. Throws InputError.
Options& declare_columns(Options& options, const std::string& wide);
MoreColumns columns_from(const Options& options);

}  // namespace switchyard
