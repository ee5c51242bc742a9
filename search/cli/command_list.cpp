// What exists: policies and scenarios, from their declarations.
#include <fmt/format.h>

#include <iostream>

#include "core/scenario/fields.hpp"
#include "policies/registry.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"

namespace switchyard {

namespace {

void describe(const PolicyInfo& info) {
  std::cout << format_spec(info.name, info.params, default_values(info.params)) << "\n  " << info.summary << "\n";
  if (!info.source.empty()) std::cout << "  Source: " << info.source << "\n";
  for (const ParamSpec& param : info.params) {
    std::string range = fmt::format("{} to {}{}", format_value(param, param.low), format_value(param, param.high),
                                    param.scale == ParamScale::log ? ", log" : "");
    if (param.type == ParamType::choice) {
      range.clear();
      for (const std::string& choice : param.choices) range += (range.empty() ? "" : "|") + choice;
    }
    std::cout << fmt::format("    {:<16} {:<10} [{}]  {}\n", param.name, format_value(param, param.default_value),
                             range, param.doc);
  }
}

}  // namespace

int command_policies(const Words& words) {
  Options options("policies [NAME]", "Lists policies with parameters, defaults, ranges and sources.", 1);
  if (!options.parse(words)) return 0;
  if (!options.words().empty()) {
    describe(find_policy(options.words()[0], ""));
    return 0;
  }
  for (const PolicyInfo& info : registered_policies()) describe(info);
  return 0;
}

int command_scenarios(const Words& words) {
  Options options("scenarios [NAME]", "Lists scenarios, or shows every field of one as JSON.", 1);
  options.toggle("schema", "print the JSON Schema of scenario files");
  if (!options.parse(words)) return 0;
  if (options.has("schema")) {
    std::cout << scenario_schema();
  } else if (!options.words().empty()) {
    std::cout << scenario_json(load_scenario(options.words()[0])) << "\n";
  } else {
    for (const EmbeddedScenario& scenario : embedded_scenarios()) {
      std::cout << fmt::format("{:<16} {}\n", scenario.name, load_scenario(scenario.name).description);
    }
  }
  return 0;
}

}  // namespace switchyard
