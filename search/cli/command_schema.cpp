#include <fmt/format.h>

#include <iostream>

#include "core/input/error.hpp"
#include "core/scenario/fields.hpp"
#include "results/leaderboard.hpp"
#include "results/schemas.hpp"
#include "search/cli/command.hpp"
#include "search/distributions.hpp"
#include "search/pairwise.hpp"
#include "search/plan_files.hpp"
#include "search/sensitivity_files.hpp"
#include "search/study_files.hpp"
#include "search/suite_files.hpp"
#include "search/sweep_files.hpp"
#include "search/validation_files.hpp"

namespace switchyard {

namespace {

struct Schema {
  std::string name;
  std::string of;
  std::string (*text)();
};

const std::vector<Schema>& schemas() {
  static const std::vector<Schema> all = {
      {"scenario", "scenario files", scenario_schema},
      {"run-config", "config.json of a run", run_config_schema},
      {"summary", "summary.json of a run", summary_schema},
      {"states", "states.json of a run", states_schema},
      {"leaderboard", "leaderboard.json of a search", leaderboard_schema},
      {"study", "study.json of a search, and what study export writes", study_schema},
      {"distributions", "distributions.json of a search", distributions_schema},
      {"study-config", "config.json of a search", study_config_schema},
      {"suite", "suite.json of a robust ranking", suite_schema},
      {"sweep", "sweep.json of a sweep over load", sweep_schema},
      {"plan", "plan.json of a plan", plan_schema},
      {"validation", "validation.json of a validated run", validation_schema},
      {"comparison", "what compare --json prints", comparison_schema},
      {"sensitivity", "what sensitivity --json prints", sensitivity_schema},
  };
  return all;
}

std::vector<std::string> schema_names() {
  std::vector<std::string> names;
  for (const Schema& schema : schemas()) names.push_back(schema.name);
  return names;
}

}  // namespace

Options declare_schema() {
  Options options("schema [NAME]",
                  "Prints the JSON Schema of a file that switchyard reads or writes; without a name, which there are.\n"
                  "example: switchyard schema scenario",
                  1);
  options.word_candidates(schema_names());
  return options;
}

int command_schema(const Options& options) {
  if (options.words().empty()) {
    for (const Schema& schema : schemas()) std::cout << fmt::format("{:<12} {}\n", schema.name, schema.of);
    return 0;
  }
  for (const Schema& schema : schemas()) {
    if (schema.name != options.words()[0]) continue;
    std::cout << schema.text();
    return 0;
  }
  throw unknown_name("schema", "schema", options.words()[0], schema_names());
}

}  // namespace switchyard
