// Which scenarios a suite has, and which variants of them a robust search trains on.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/scenario/scenario.hpp"

namespace switchyard {

// The scenarios of a suite: one by name (suite_names), "all" that are built in, or those of a file (anything that ends
// in .json):
//
//   {"scenarios": ["azure-code-v1", "mine.json", {"name": "its own", "cluster": {...}, ...},
//                  {"scenario": "azure-conv-v1", "name": "a variant", "cluster": {"replicas": 8}}]}
//
// A variant is the scenario that it names but for the fields that it gives. Paths are as seen from the file. Throws
// InputError, by line and column, and for two scenarios of one name.
std::vector<Scenario> load_suite_scenarios(const std::string& name_or_file, std::string_view where);

// A built-in scenario or a .json file; `where` ("--scenarios") leads the message about an unknown name.
Scenario load_scenario_at(const std::string& name_or_file, std::string_view where);

// Throws InputError that starts with `where` if two have one name.
void check_names_differ(const std::vector<Scenario>& scenarios, std::string_view where);

// Such a file, each scenario in full, with paths as seen from `folder`.
std::string suite_scenarios_json(const std::vector<Scenario>& scenarios, const std::filesystem::path& folder);

// A field of scenarios that training is spread over, or "load", a factor of the rate of arrivals and of the sessions
// and clients under way.
struct TrainingAxis {
  std::string flag;  // without dashes
  std::vector<std::string> values;
};

// "load=1,1.2;replicas=4,8": axes, each named once. Throws InputError that starts with `where`.
std::vector<TrainingAxis> parse_training_axes(std::string_view text, std::string_view where);
std::string format_training_axes(const std::vector<TrainingAxis>& axes);

// The scenario at every combination of the axes' values, each with its share of the training and validation seeds,
// which are dealt out in turn: training costs what it costs without axes. Without axes: the scenario itself. Throws
// InputError that starts with `where`, also for an axis that does not matter here and for fewer training seeds than
// combinations.
std::vector<Scenario> training_variants(const Scenario& scenario, const std::vector<TrainingAxis>& axes,
                                        std::string_view where);

}  // namespace switchyard
