#include <fmt/format.h>

#include <iostream>

#include "core/input/json_text.hpp"
#include "core/scenario/fields.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"
#include "search/suite_scenarios.hpp"

namespace switchyard {

namespace {

// The fields of scenarios as a Markdown table.
std::string field_table() {
  std::string table = "| field | flag | default | allowed | meaning |\n|---|---|---|---|---|\n";
  const Scenario defaults;
  for (const ScenarioField& field : scenario_fields()) {
    const nlohmann::json value = field.get(defaults);
    const std::string text = value.is_string() ? value.get<std::string>() : json_text(value);
    table += fmt::format("| `{}.{}` | `--{}` | {} | {} | {}{} |\n", field.section, field.key, field.flag,
                         text.empty() ? "" : '`' + text + '`', describe_range(field), field.doc,
                         field.only_if.empty() ? "" : "; only if " + field.only_if);
  }
  return table;
}

}  // namespace

Options declare_scenarios() {
  Options options("scenarios [NAME|FILE.json]",
                  "Lists the built-in scenarios, or shows every field of one as the JSON that --scenario reads.\n"
                  "example: switchyard scenarios chat-pressure > mine.json",
                  1);
  options.toggle("fields", "print all fields with flags, defaults and ranges, as a Markdown table")
      .toggle("json", "print the list as JSON: name and description of each")
      .word_candidates(scenario_names());
  return options;
}

int command_scenarios(const Options& options) {
  if (options.has("fields")) {
    std::cout << field_table();
  } else if (!options.words().empty()) {
    std::cout << scenario_json(load_scenario_at(options.words()[0], "scenarios")) << "\n";
  } else if (options.has("json")) {
    auto list = nlohmann::ordered_json::array();
    for (const std::string& name : scenario_names()) {
      list.push_back({{"name", name}, {"description", load_scenario(name).description}});
    }
    std::cout << json_text(list, 2) << "\n";
  } else {
    for (const EmbeddedScenario& scenario : embedded_scenarios()) {
      std::cout << fmt::format("{:<16} {}\n", scenario.name, load_scenario(scenario.name).description);
    }
  }
  return 0;
}

}  // namespace switchyard
