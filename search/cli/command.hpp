// The subcommands: one file each, one line each in the table of main.cpp.
#pragma once

#include <string>
#include <vector>

namespace switchyard {

using Words = std::vector<std::string>;

// Each returns the exit code. InputError becomes exit code 2.
int command_run(const Words& words);
int command_search(const Words& words);
int command_compare(const Words& words);
int command_leaderboard(const Words& words);
int command_policies(const Words& words);
int command_scenarios(const Words& words);
int command_workload(const Words& words);
int command_profile(const Words& words);

}  // namespace switchyard
