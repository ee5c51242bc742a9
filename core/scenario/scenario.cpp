#include "core/scenario/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/input/error.hpp"
#include "core/input/inputs.hpp"
#include "core/input/json_file.hpp"
#include "core/input/json_text.hpp"
#include "core/scenario/fields.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

std::string child(const std::string& pointer, const std::string& key) {
  return (Json::json_pointer(pointer) / key).to_string();
}

std::vector<std::string> section_names() {
  std::vector<std::string> names = {"name", "description", "$schema"};
  for (const ScenarioField& field : scenario_fields()) {
    if (std::find(names.begin(), names.end(), field.section) == names.end()) names.push_back(field.section);
  }
  return names;
}

const ScenarioField& find_field(const std::string& section, const std::string& key, std::string_view where) {
  std::vector<std::string> keys;
  for (const ScenarioField& field : scenario_fields()) {
    if (field.section != section) continue;
    if (field.key == key) return field;
    keys.push_back(field.key);
  }
  throw unknown_name(where, "field of " + section, key, keys);
}

// An option that the scenario's engine does not have is refused, wherever the engine is named.
void check_stated(const JsonFile& file, const std::string& pointer, const Json& sections, const Scenario& scenario) {
  for (const ScenarioField& field : scenario_fields()) {
    if (is_stated(field, scenario.replica_scheduler)) continue;
    if (!sections.contains(field.section) || !sections[field.section].contains(field.key)) continue;
    throw file.fail(child(child(pointer, field.section), field.key),
                    field.key + " " + not_an_option(field, scenario.replica_scheduler, ""));
  }
}

void read_section(const JsonFile& file, const std::string& pointer, const std::string& section, const Json& content,
                  Scenario& scenario) {
  if (!content.is_object()) throw file.fail(pointer, section + " must be an object");
  for (const auto& [key, value] : content.items()) {
    const std::string place = file.where(child(pointer, key));
    const ScenarioField& field = find_field(section, key, place);
    const auto folder = std::filesystem::path(file.name()).parent_path();
    const bool text = field.names && value.is_string();
    set_field(field, scenario, text ? Json(path_from(folder, field, value.get<std::string>())) : value,
              fmt::format("{}: {}", place, key));
  }
}

}  // namespace

void Scenario::set_profile(std::string name_or_path) {
  if (!name_or_path.empty()) cost_tables.clear();
  profile = std::move(name_or_path);
}

void Scenario::set_cost_tables(std::string folder) {
  if (!folder.empty()) profile.clear();
  cost_tables = std::move(folder);
}

void Scenario::set_trace(std::string name_or_file) {
  const std::uint64_t held_out_from = workload.held_out_from;  // of the seeds, not of the workload
  workload = WorkloadSpec{};
  workload.trace = std::move(name_or_file);
  workload.held_out_from = held_out_from;
}

void Scenario::check_seeds_apart(std::string_view where) const {
  const auto check = [&](const SeedRange& range, const char* flag) {
    const std::vector<std::uint64_t> seeds = range.seeds();
    for (const std::uint64_t held_out : held_out_seeds.seeds()) {
      if (!std::binary_search(seeds.begin(), seeds.end(), held_out)) continue;
      throw InputError(fmt::format("{}: '{}' contradicts the rest: seed {} is also in {} {}", where,
                                   format_seed_range(held_out_seeds), held_out, flag, format_seed_range(range)));
    }
  };
  check(train_seeds, "--train-seeds");
  check(validation_seeds, "--validation-seeds");
  check_half(train_seeds, "--train-seeds", SeedUse::train);
  check_half(validation_seeds, "--validation-seeds", SeedUse::train);
  check_half(held_out_seeds, where, SeedUse::judge);
}

void Scenario::check_half(const SeedRange& range, std::string_view where, SeedUse use) const {
  if (workload.arrivals != ArrivalKind::trace) return;  // nothing is drawn from halves
  const auto refuse = [&](std::string_view why) {
    return InputError(fmt::format("{}: '{}' contradicts the rest: {}", where, format_seed_range(range), why));
  };
  const auto [first, last] = std::pair(range.spans.front().first, range.spans.back().second);
  const std::uint64_t from = workload.held_out_from;
  if (first == 0 && (use == SeedUse::train || last > 0)) {
    throw refuse(use == SeedUse::train ? "seed 0 is the whole trace, the held-out half too"
                                       : "seed 0 is the whole trace, the others redraw a half of it");
  }
  if (use == SeedUse::train && last >= from) {
    throw refuse(fmt::format("seeds from {} on (--held-out-from) draw from the trace's held-out half", from));
  }
  if (use == SeedUse::judge && first > 0 && first < from) {
    throw refuse(
        fmt::format("seeds below {} (--held-out-from) draw from the half of the trace that training sees", from));
  }
  if (use == SeedUse::any && first > 0 && first < from && last >= from) {
    throw refuse(
        fmt::format("it crosses from the trace's training half to its held-out one, which begins at seed {} "
                    "(--held-out-from)",
                    from));
  }
}

WorkloadSpec Scenario::workload_of(std::uint64_t workload_seed) const {
  WorkloadSpec spec = workload;
  for (const SeedRange& range : {train_seeds, validation_seeds}) {
    const std::vector<std::uint64_t> seeds = range.seeds();
    const auto at = std::lower_bound(seeds.begin(), seeds.end(), workload_seed);
    if (at == seeds.end() || *at != workload_seed) continue;
    const double share = static_cast<double>(at - seeds.begin()) / std::max(1.0, static_cast<double>(seeds.size()) - 1);
    (spec.arrivals == ArrivalKind::trace ? spec.time_scale : spec.qps) *= 1 + train_overload * share;
    break;
  }
  return spec;
}

Scenario parse_scenario(const JsonFile& file, const std::string& pointer) {
  const Json& json = file.root().at(Json::json_pointer(pointer));
  if (!json.is_object()) throw file.fail(pointer, "a scenario must be an object");
  Scenario scenario;
  const std::vector<std::string> sections = section_names();
  for (const auto& [section, content] : json.items()) {
    const std::string place = child(pointer, section);
    if (section == "name" || section == "description" || section == "$schema") {
      if (!content.is_string()) throw file.fail(place, section + " must be text");
      if (section == "name") scenario.name = content.get<std::string>();
      if (section == "description") scenario.description = content.get<std::string>();
      continue;
    }
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
      throw unknown_name(file.where(place), "section", section, sections);
    }
    read_section(file, place, section, content, scenario);
  }
  check_stated(file, pointer, json, scenario);
  const Json cost = json.value("cost", Json::object());
  if (!cost.value("profile", "").empty() && !cost.value("cost_tables", "").empty()) {
    throw file.fail(child(child(pointer, "cost"), "cost_tables"), "contradicts profile: batch times come from one");
  }
  return scenario;
}

std::vector<std::string> scenario_names() {
  std::vector<std::string> names;
  for (const EmbeddedScenario& scenario : embedded_scenarios()) names.push_back(scenario.name);
  return names;
}

const std::vector<std::string>& suite_names() {
  static const std::vector<std::string> names = {"vidur", "v1", "today", "overload", "operated", "split"};
  return names;
}

// Which of the scenarios with prompts in common belong together; what is in none of these has been there longer.
static const std::map<std::string, std::vector<std::string>>& named_suites() {
  static const std::map<std::string, std::vector<std::string>> suites = {
      {"today",
       {"agent-sessions", "chat-sessions", "chat-sessions-pressure", "mooncake-conv", "mooncake-synth", "tenants"}},
      {"operated", {"autoscaled-day", "failing-replica", "mixed-gpus"}},
      {"split", {"split-prefill"}},
      {"overload", {"agent-sessions-overload", "chat-sessions-overload", "mooncake-conv-overload", "tenants-spike"}}};
  return suites;
}

std::vector<std::string> suite_scenarios(const std::string& suite, std::string_view where) {
  if (std::find(suite_names().begin(), suite_names().end(), suite) == suite_names().end()) {
    throw unknown_name(where, "suite", suite, suite_names());
  }
  if (const auto found = named_suites().find(suite); found != named_suites().end()) return found->second;
  std::vector<std::string> names;
  const auto belongs_elsewhere = [](const std::string& name) {
    return std::any_of(named_suites().begin(), named_suites().end(), [&](const auto& named) {
      return std::find(named.second.begin(), named.second.end(), name) != named.second.end();
    });
  };
  for (const std::string& name : scenario_names()) {
    if (belongs_elsewhere(name)) continue;
    const bool v1 = load_scenario(name).replica_scheduler == EngineKind::vllm_v1;
    if (v1 == (suite == "v1")) names.push_back(name);
  }
  return names;
}

Scenario load_scenario(const std::string& name_or_file) {
  if (name_or_file.ends_with(".json")) {
    note_input(name_or_file);
    return parse_scenario(JsonFile(std::filesystem::path(name_or_file)));
  }
  std::vector<std::string> names;
  for (const EmbeddedScenario& scenario : embedded_scenarios()) {
    if (scenario.name == name_or_file) return parse_scenario(JsonFile(scenario.name + ".json", scenario.json));
    names.push_back(scenario.name);
  }
  throw unknown_name("--scenario", "scenario", name_or_file, names);
}

Scenario seen_from(const std::filesystem::path& folder, Scenario scenario) {
  namespace fs = std::filesystem;
  for (const ScenarioField& field : scenario_fields()) {
    if (!field.names) continue;
    const fs::path path = field.get(scenario).get<std::string>();
    if (path.is_absolute() || !is_path(field, path.string(), ".")) continue;
    field.set(scenario,
              fs::proximate(fs::weakly_canonical(fs::absolute(path)), fs::weakly_canonical(fs::absolute(folder)))
                  .generic_string());
  }
  return scenario;
}

std::string scenario_json(const Scenario& scenario) {
  nlohmann::ordered_json json = {{"name", scenario.name}, {"description", scenario.description}};
  for (const ScenarioField& field : scenario_fields()) {
    if (is_written(field, scenario)) json[field.section][field.key] = field.get(scenario);
  }
  return json_text(json, 2);
}

}  // namespace switchyard
