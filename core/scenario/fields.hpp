// The fields of a scenario, each declared once.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/scenario/scenario.hpp"

namespace switchyard {

enum class FieldKind : std::uint8_t { text, integer, real, choice, seeds };

struct ScenarioField {
  std::string section;  // of the JSON file
  std::string key;
  std::string flag;  // of the command line, without dashes
  FieldKind kind = FieldKind::text;
  double low = 0;  // inclusive, of numbers
  double high = 0;
  std::vector<std::string> choices;
  std::string doc;      // one line, with the unit
  std::string only_if;  // what must hold for the field to matter, in words; empty: it always does
  std::function<bool(const Scenario&)> matters;
  std::function<nlohmann::json(const Scenario&)> get;
  std::function<void(Scenario&, const nlohmann::json&)> set;  // the value has been checked
};

const std::vector<ScenarioField>& scenario_fields();

// Checks a value and sets it; throws InputError that starts with `where`.
void set_field(const ScenarioField& field, Scenario& scenario, const nlohmann::json& value, std::string_view where);

// The same from the text of a flag.
void set_field_from_text(const ScenarioField& field, Scenario& scenario, const std::string& text,
                         std::string_view where);

// Throws InputError if a flag that a user gave does not matter in the scenario that came of it.
void check_flags_matter(const std::set<std::string>& given, const Scenario& scenario);

// "a number from 0 to 1", "one of a, b": what is allowed.
std::string describe_range(const ScenarioField& field);

// The published JSON Schema of scenario files.
std::string scenario_schema();

}  // namespace switchyard
