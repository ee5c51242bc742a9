#include "search/cli/command.hpp"

namespace switchyard {

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"run", "replay one workload under one policy", declare_run, command_run},
      {"search", "tune policies and rank them on held-out seeds", declare_search, command_search},
      {"compare", "run policies paired and say which differences are real", declare_compare, command_compare},
      {"sensitivity", "show how much each parameter of a setting moves the result", declare_sensitivity,
       command_sensitivity},
      {"suite", "rank policies over all scenarios, with the worst case of each", declare_suite, command_suite},
      {"sweep", "run policies over a range of loads", declare_sweep, command_sweep},
      {"plan", "find how many replicas keep to limits, and what they cost", declare_plan, command_plan},
      {"study", "look into what a search has tried", declare_study, command_study},
      {"export", "write the configuration with which a serving system runs a setting", declare_export, command_export},
      {"evaluate", "answer an outside optimiser, JSON lines in and out", declare_evaluate, command_evaluate},
      {"leaderboard", "show what searches found", declare_leaderboard, command_leaderboard},
      {"report", "write a page about runs and searches", declare_report, command_report},
      {"policies", "which policies exist, with their parameters", declare_policies, command_policies},
      {"scenarios", "which scenarios exist, with their fields", declare_scenarios, command_scenarios},
      {"workload", "inspect, generate, convert or boil down workloads", declare_workload, command_workload},
      {"profile", "inspect sources of batch times", declare_profile, command_profile},
      {"validate", "hold the simulation against a run of a real engine", declare_validate, command_validate},
      {"schema", "print the JSON Schema of a file", declare_schema, command_schema},
      {"man", "print the manual page", declare_man, command_man},
      {"completion", "print a completion script for bash or zsh", declare_completion, command_completion},
  };
  return all;
}

}  // namespace switchyard
