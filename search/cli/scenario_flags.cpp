// The part of Options that is about scenarios: flags derived from the table of fields, and what they add up to.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "core/input/error.hpp"
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

}  // namespace

Options& Options::scenario_flags() {
  value("scenario", "name of a built-in scenario (see `switchyard scenarios`), or a .json file", scenario_names());
  for (const ScenarioField& field : scenario_fields()) {
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
  Scenario scenario = base_scenario();
  if (has("workload")) {
    scenario.set_trace(text("workload"));
    scenario.name = std::filesystem::path(text("workload")).filename().string();
    scenario.description.clear();
  }
  std::set<std::string> given;
  for (const ScenarioField& field : scenario_fields()) {
    if (!has(field.flag)) continue;
    given.insert(field.flag);
    if (not_set.count(field.flag) == 0) set_field_from_text(field, scenario, text(field.flag), "--" + field.flag);
  }
  check_flags_matter(given, scenario);
  if (has("workload") && replays_trace(scenario.workload)) {
    // Seed 0 is the trace itself. What a user wants replayed is not quietly shortened, unless he says so.
    if (!has("seed")) scenario.seed = 0;
    if (!has("long-requests") && is_trace_file(scenario.workload.trace)) {
      scenario.long_requests = LongRequests::refuse;
    }
  }
  return scenario;
}

}  // namespace switchyard
