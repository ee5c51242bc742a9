// The fields of a scenario, each declared once.
#pragma once

#include <filesystem>
#include <functional>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/scenario/scenario.hpp"

namespace switchyard {

enum class FieldKind : std::uint8_t { text, integer, real, choice, on_off, seeds, groups };

// A set of engines; all, unless it says which.
class EngineSet {
 public:
  EngineSet() = default;  // all
  EngineSet(std::initializer_list<EngineKind> engines) : bits_(0) {
    for (const EngineKind engine : engines) bits_ |= 1U << static_cast<unsigned>(engine);
  }
  bool has(EngineKind engine) const { return (bits_ >> static_cast<unsigned>(engine) & 1U) != 0; }
  bool is_all() const { return bits_ == ~0U; }

 private:
  unsigned bits_ = ~0U;
};

struct ScenarioField {
  std::string section;  // of the JSON file
  std::string key;
  std::string flag;  // of the command line, without dashes
  FieldKind kind = FieldKind::text;
  double low = 0;  // inclusive, of numbers
  double high = 0;
  std::vector<std::string> choices;
  std::vector<std::pair<std::string, std::string>> choice_aliases;  // other names that are read, and what they mean
  std::vector<std::string> flag_aliases;                            // other spellings of the flag
  std::string word;                                                 // that a number may be instead
  double word_value = 0;                                            // what is stored for it
  std::string word_doc;
  bool is_left_out_at_default = false;   // by itself
  bool is_left_out_at_defaults = false;  // with its section, where all of that is at its defaults
  EngineSet engines;                     // whose option it is
  std::string role;  // what it decides there: an option of another engine with the same role is its counterpart
  std::string doc;   // one line, with the unit
  // A field that came later, at a default that changes nothing: experiments keep the digest that they had before.
  bool hashed_at_default = true;
  // Of a field that names a file or folder: the names that stand for something built in instead.
  std::function<std::vector<std::string>()> names;
  std::string only_if;  // what must hold for the field to matter, in words, its engines included; empty: it always does
  std::function<bool(const Scenario&)> matters;
  std::function<nlohmann::json(const Scenario&)> get;
  std::function<void(Scenario&, const nlohmann::json&)> set;  // the value has been checked
};

const std::vector<ScenarioField>& scenario_fields();

// Checks a value and sets it; throws InputError that starts with `where`.
void set_field(const ScenarioField& field, Scenario& scenario, const nlohmann::json& value, std::string_view where);

// The same from the text of a flag. An on_off field is set by on or off.
void set_field_from_text(const ScenarioField& field, Scenario& scenario, const std::string& text,
                         std::string_view where);

// Whether a scenario with this engine states the field. Engines before vllm_v1 state each other's options, too: their
// files always have.
bool is_stated(const ScenarioField& field, EngineKind engine);

// Whether its file states the field: files and digests do not speak of sections that came later and are as ever.
bool is_written(const ScenarioField& field, const Scenario& scenario);

// Why the engine does not have this option, and which of its own decides the same.
std::string not_an_option(const ScenarioField& field, EngineKind engine, std::string_view dashes);

// "vllm_v1", ...
std::string_view engine_name(EngineKind engine);

// Whether the value of a field is a path, as seen from `folder`: not a built-in name, and not a word that nothing there
// is called, which is a name misspelt.
bool is_path(const ScenarioField& field, const std::string& value, const std::filesystem::path& folder);

// A relative path that stands in a file of `folder`, as it is seen from here; anything else as it is.
std::string path_from(const std::filesystem::path& folder, const ScenarioField& field, const std::string& value);

// Throws InputError if a flag that a user gave does not matter in the scenario that came of it.
void check_flags_matter(const std::set<std::string>& given, const Scenario& scenario);

// "a number from 0 to 1", "one of a, b": what is allowed.
std::string describe_range(const ScenarioField& field);

// The published JSON Schema of scenario files.
std::string scenario_schema();

}  // namespace switchyard
