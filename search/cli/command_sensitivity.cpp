#include <fmt/format.h>
#include <unistd.h>

#include <iostream>

#include "core/input/error.hpp"
#include "search/cli/command.hpp"
#include "search/cli/format_flag.hpp"
#include "search/cli/progress.hpp"
#include "search/cli/search_flags.hpp"
#include "search/sensitivity_files.hpp"

namespace switchyard {

Options declare_sensitivity() {
  Options options("sensitivity SPEC --scenario NAME",
                  fmt::format("Shows how much each parameter of a setting moves the result near it: one step to either "
                              "side, the others as they are, on held-out seeds. Numbers step by {:g} of their range "
                              "(of its logarithm on a logarithmic scale), whole numbers by 1 at least, choices to each "
                              "other one. Changes are paired by seed, with 95% intervals.\n"
                              "example: switchyard sensitivity interference_aware --scenario chat-pressure\n"
                              "example: switchyard sensitivity \"$(switchyard study best out/tuned)\" --scenario "
                              "chat-pressure --json",
                              kStepShare),
                  1);
  declare_goal(options);
  declare_threads(options).scenario_flags(seeds_of_training({"seed"}));
  declare_format(options);
  return options;
}

int command_sensitivity(const Options& options) {
  const TableFormat format = format_from(options);
  if (options.words().empty()) throw InputError("sensitivity: give a policy spec");
  const PolicySpec policy = parse_policy(options.words()[0], "sensitivity");
  const Goal goal = goal_from(options);
  const Experiment experiment(options.scenario());
  const auto evaluator = make_evaluator(goal.objective.limits, threads_from(options));
  evaluator->add(experiment);
  Ledger ledger(experiment, goal.objective.limits, *evaluator, nullptr, progress_for(options));
  std::cout << render(sensitivity_of(ledger, goal, policy), format, style_for(STDOUT_FILENO));
  return 0;
}

}  // namespace switchyard
