// The part of Options that is about scenarios: flags derived from the table of fields, and what they add up to.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "core/scenario/fields.hpp"
#include "core/workload/known_traces.hpp"
#include "search/cli/options.hpp"

namespace switchyard {

namespace {

bool replays_trace(const WorkloadSpec& spec) {
  return spec.arrivals == ArrivalKind::trace && spec.lengths == LengthKind::trace;
}

bool is_trace_file(const std::string& trace) {
  const std::vector<std::string>& known = known_traces();
  return !trace.ends_with(".json") && std::find(known.begin(), known.end(), trace) == known.end();
}

// A scenario that is run by another engine than its own must not silently lose what it is about: an option that the new
// engine knows by another name, and that is not at its default, has to be given by that name.
void check_nothing_lost(const Scenario& base, const std::set<std::string>& given, const Scenario& scenario) {
  const Scenario defaults;
  for (const ScenarioField& field : scenario_fields()) {
    if (is_stated(field, scenario.replica_scheduler) || field.get(base) == field.get(defaults)) continue;
    for (const ScenarioField& other : scenario_fields()) {
      if (other.role != field.role || !other.engines.has(scenario.replica_scheduler) || given.contains(other.flag)) {
        continue;
      }
      throw InputError(fmt::format("--replica-scheduler: {} does not use the scenario's {} {}; give --{} in its place",
                                   engine_name(scenario.replica_scheduler), field.key, json_text(field.get(base)),
                                   other.flag));
    }
  }
}

}  // namespace

// Flags of fields by their other spellings become plain ones: --num-gpu-blocks-override N, and for those that are on or
// off --X, --no-X and --X on.
std::vector<std::string> Options::respelled(const std::vector<std::string>& words) const {
  if (fields_.empty()) return words;
  std::vector<std::string> plain;
  std::size_t groups = 0;  // where they stand, and one
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const ScenarioField* field = nullptr;
    const std::size_t equals = std::min(word.find('='), word.size());
    std::string name = word.starts_with("--") ? word.substr(2, equals - 2) : "";
    bool negated = false;
    for (const ScenarioField& candidate : scenario_fields()) {
      std::vector<std::string> spellings = candidate.flag_aliases;
      spellings.push_back(candidate.flag);
      for (const std::string& spelling : spellings) {
        if (name != spelling && (candidate.kind != FieldKind::on_off || name != "no-" + spelling)) continue;
        field = &candidate;
        negated = name != spelling;
      }
    }
    if (field && field->kind == FieldKind::groups) {  // may be given again and again
      const std::string value = equals < word.size() ? word.substr(equals + 1) : i + 1 < words.size() ? words[++i] : "";
      if (groups > 0) {
        plain[groups - 1] += ';' + value;
      } else {
        plain.push_back("--" + field->flag + '=' + value);
        groups = plain.size();
      }
    } else if (!field) {
      plain.push_back(word);
    } else if (field->kind != FieldKind::on_off) {
      plain.push_back("--" + field->flag + word.substr(equals));
    } else if (negated) {
      if (equals < word.size()) throw InputError(fmt::format("--{}: takes no value", name));
      plain.push_back("--" + field->flag + "=off");
    } else if (equals < word.size()) {
      plain.push_back("--" + field->flag + word.substr(equals));
    } else {
      const bool says = i + 1 < words.size() && (words[i + 1] == "on" || words[i + 1] == "off");
      plain.push_back("--" + field->flag + "=" + (says ? words[++i] : "on"));
    }
  }
  return plain;
}

Options& Options::scenario_flags(std::set<std::string> without_effect) {
  without_effect_ = std::move(without_effect);
  value("scenario", "name of a built-in scenario (see `switchyard scenarios`), or a .json file", scenario_names());
  for (const ScenarioField& field : scenario_fields()) {
    if (without_effect_.contains(field.flag)) continue;
    std::string doc = fmt::format("{} ({})", field.doc, describe_range(field));
    if (!field.only_if.empty()) doc += "; only if " + field.only_if;
    fields_.push_back({.name = field.flag, .doc = std::move(doc), .candidates = field.choices});
  }
  return *this;
}

Scenario Options::base_scenario() const {
  if (has("scenario")) return load_scenario(text("scenario"));
  if (config_scenario_) return parse_scenario(*config_scenario_, "/scenario");
  if (!has("workload") && !has("arrivals")) {
    throw InputError("--scenario: is missing; give it, or a trace (--workload), or --arrivals and --lengths");
  }
  Scenario scenario;
  scenario.name = "synthetic";
  return scenario;
}

Scenario Options::scenario(const std::set<std::string>& not_set) const {
  const Scenario base = base_scenario();
  Scenario scenario = base;
  if (has("workload")) {
    scenario.set_trace(text("workload"));
    scenario.name = std::filesystem::path(text("workload")).filename().string();
    scenario.description.clear();
  }
  set_fields(scenario, not_set);
  if (const std::set<std::string> given = given_fields(); given.contains("replica-scheduler")) {
    check_nothing_lost(base, given, scenario);
  }
  if (has("workload") && replays_trace(scenario.workload)) {
    // Seed 0 is the trace itself. What a user wants replayed is not quietly shortened, unless he says so, or the engine
    // is one that does so itself.
    if (!has("seed")) scenario.seed = 0;
    if (!has("long-requests") && is_trace_file(scenario.workload.trace) &&
        scenario.replica_scheduler != EngineKind::vllm_v1) {
      scenario.long_requests = LongRequests::refuse;
    }
  }
  return scenario;
}

Scenario Options::scenario_of(Scenario base) const {
  Scenario scenario = base;
  try {
    set_fields(scenario, {});
    if (given_fields().contains("replica-scheduler")) check_nothing_lost(base, given_fields(), scenario);
    scenario.check_seeds_apart();
  } catch (const InputError& error) {
    throw InputError(fmt::format("{} (in {})", error.what(), in_quotes(base.name)));
  }
  return scenario;
}

Scenario Options::scenario_of_trace(const std::string& name_or_file) const {
  for (const std::string flag : {"scenario", "workload"}) {
    if (has(flag)) throw InputError(fmt::format("--{}: contradicts {}: one of them", flag, in_quotes(name_or_file)));
  }
  if (config_scenario_) throw InputError(fmt::format("--config: its scenario contradicts {}", in_quotes(name_or_file)));
  Scenario scenario;
  scenario.set_trace(name_or_file);
  scenario.seed = 0;                              // the trace itself
  scenario.long_requests = LongRequests::refuse;  // not quietly shortened
  set_fields(scenario, {});
  return scenario;
}

std::set<std::string> Options::given_fields() const {
  std::set<std::string> given;
  for (const ScenarioField& field : scenario_fields()) {
    if (has(field.flag)) given.insert(field.flag);
  }
  return given;
}

void Options::set_fields(Scenario& scenario, const std::set<std::string>& not_set) const {
  for (const ScenarioField& field : scenario_fields()) {
    if (!has(field.flag) || not_set.contains(field.flag)) continue;
    set_field_from_text(field, scenario, text(field.flag), "--" + field.flag);
  }
  check_flags_matter(given_fields(), scenario);
}

}  // namespace switchyard
