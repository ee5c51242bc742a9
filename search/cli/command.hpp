// The subcommands: one file each, one line each in the table of command.cpp.
#pragma once

#include <string>
#include <vector>

#include "search/cli/options.hpp"

namespace switchyard {

struct Command {
  std::string name;
  std::string summary;
  Options (*declare)();
  int (*run)(const Options&);  // the exit code; InputError becomes exit code 2
};

// All of them, in the order of the help.
const std::vector<Command>& commands();

Options declare_run();
Options declare_search();
Options declare_compare();
Options declare_sensitivity();
Options declare_suite();
Options declare_sweep();
Options declare_plan();
Options declare_evaluate();
Options declare_study();
Options declare_export();
Options declare_leaderboard();
Options declare_report();
Options declare_policies();
Options declare_scenarios();
Options declare_workload();
Options declare_profile();
Options declare_validate();
Options declare_schema();
Options declare_man();
Options declare_completion();

int command_run(const Options& options);
int command_search(const Options& options);
int command_compare(const Options& options);
int command_sensitivity(const Options& options);
int command_suite(const Options& options);
int command_sweep(const Options& options);
int command_plan(const Options& options);
int command_evaluate(const Options& options);
int command_study(const Options& options);
int command_export(const Options& options);
int command_leaderboard(const Options& options);
int command_report(const Options& options);
int command_policies(const Options& options);
int command_scenarios(const Options& options);
int command_workload(const Options& options);
int command_profile(const Options& options);
int command_validate(const Options& options);
int command_schema(const Options& options);
int command_man(const Options& options);
int command_completion(const Options& options);

}  // namespace switchyard
