#include "search/suite_scenarios.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/input/error.hpp"
#include "core/input/json_file.hpp"
#include "core/input/json_text.hpp"
#include "core/scenario/fields.hpp"

namespace switchyard {

namespace {

std::string path_beside(const JsonFile& file, const std::string& name) {
  const std::filesystem::path path = name;
  if (!name.ends_with(".json") || path.is_absolute()) return name;
  return (std::filesystem::path(file.name()).parent_path() / path).lexically_normal().string();
}

// The fields of one section that a variant gives.
void vary_section(const JsonFile& file, const std::string& pointer, const std::string& section,
                  const nlohmann::json& content, Scenario& scenario) {
  if (!content.is_object()) throw file.fail(pointer, section + " must be an object");
  for (const auto& [key, value] : content.items()) {
    const std::string place = file.where((nlohmann::json::json_pointer(pointer) / key).to_string());
    std::vector<std::string> keys;
    const ScenarioField* found = nullptr;
    for (const ScenarioField& field : scenario_fields()) {
      if (field.section != section) continue;
      keys.push_back(field.key);
      if (field.key == key) found = &field;
    }
    if (!found) throw unknown_name(place, "field of " + section, key, keys);
    const auto folder = std::filesystem::path(file.name()).parent_path();
    const bool text = found->names && value.is_string();
    set_field(*found, scenario, text ? nlohmann::json(path_from(folder, *found, value.get<std::string>())) : value,
              fmt::format("{}: {}", place, key));
  }
}

Scenario variant(const JsonFile& file, const std::string& pointer, const nlohmann::json& json) {
  if (!json["scenario"].is_string()) throw file.fail(pointer + "/scenario", "scenario must be the name of one");
  Scenario scenario =
      load_scenario_at(path_beside(file, json["scenario"].get<std::string>()), file.where(pointer + "/scenario"));
  std::vector<std::string> sections = {"scenario", "name", "description"};
  for (const ScenarioField& field : scenario_fields()) {
    if (std::find(sections.begin(), sections.end(), field.section) == sections.end()) sections.push_back(field.section);
  }
  std::set<std::string> given;
  for (const auto& [key, value] : json.items()) {
    const std::string place = (nlohmann::json::json_pointer(pointer) / key).to_string();
    if (std::find(sections.begin(), sections.end(), key) == sections.end()) {
      throw unknown_name(file.where(place), "section", key, sections);
    }
    if (key == "name" || key == "description") {
      if (!value.is_string()) throw file.fail(place, key + " must be text");
      (key == "name" ? scenario.name : scenario.description) = value.get<std::string>();
    } else if (key != "scenario") {
      vary_section(file, place, key, value, scenario);
      for (const ScenarioField& field : scenario_fields()) {
        if (field.section == key && value.contains(field.key)) given.insert(field.flag);
      }
    }
  }
  check_flags_matter(given, scenario);
  return scenario;
}

// Training and validation seeds at places i, i + n, i + 2n, ...
SeedRange share_of(const SeedRange& range, std::size_t i, std::size_t n) {
  const std::vector<std::uint64_t> seeds = range.seeds();
  SeedRange share;
  for (std::size_t k = i; k < seeds.size(); k += n) share.spans.emplace_back(seeds[k], seeds[k]);
  return share;
}

void multiply_load(Scenario& scenario, const std::string& value, std::string_view where) {
  double factor = 0;
  const auto [at, fault] = std::from_chars(value.data(), value.data() + value.size(), factor);
  if (fault != std::errc() || at != value.data() + value.size() || !(factor > 0) || factor > 1000) {
    throw InputError(
        fmt::format("{}: load: {} is not allowed; a factor above 0, at most 1000 is wanted", where, in_quotes(value)));
  }
  WorkloadSpec& workload = scenario.workload;
  (workload.arrivals == ArrivalKind::trace ? workload.time_scale : workload.qps) *= factor;
  for (std::int32_t* clients : {&workload.sessions_at_start, &workload.concurrency}) {
    *clients = static_cast<std::int32_t>(std::lround(*clients * factor));
  }
}

void set_axis(Scenario& scenario, const std::string& flag, const std::string& value, std::string_view where) {
  if (flag == "load") return multiply_load(scenario, value, where);
  std::vector<std::string> flags = {"load"};
  for (const ScenarioField& field : scenario_fields()) {
    if (field.kind == FieldKind::seeds || field.flag == "seed") continue;
    flags.push_back(field.flag);
    if (field.flag != flag) continue;
    set_field_from_text(field, scenario, value, fmt::format("{}: {}", where, flag));
    try {
      check_flags_matter({flag}, scenario);
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}: {}", where, scenario.name, error.what()));
    }
    return;
  }
  throw unknown_name(where, "axis", flag, flags);
}

}  // namespace

void check_names_differ(const std::vector<Scenario>& scenarios, std::string_view where) {
  std::set<std::string> names;
  for (const Scenario& scenario : scenarios) {
    if (names.insert(scenario.name).second) continue;
    throw InputError(fmt::format("{}: two are named {}", where, in_quotes(scenario.name)));
  }
}

Scenario load_scenario_at(const std::string& name_or_file, std::string_view where) {
  const std::vector<std::string>& names = scenario_names();
  const bool known =
      name_or_file.ends_with(".json") || std::find(names.begin(), names.end(), name_or_file) != names.end();
  if (!known) throw unknown_name(std::string(where), "scenario", name_or_file, names);
  return load_scenario(name_or_file);
}

std::vector<Scenario> load_suite_scenarios(const std::string& name_or_file, std::string_view where) {
  std::vector<Scenario> scenarios;
  if (!name_or_file.ends_with(".json")) {
    const bool all = name_or_file == "all";
    for (const std::string& name : all ? scenario_names() : suite_scenarios(name_or_file, where)) {
      scenarios.push_back(load_scenario(name));
    }
    return scenarios;
  }
  const JsonFile file{std::filesystem::path(name_or_file)};
  const nlohmann::json& root = file.root();
  if (!root.is_object() || !root.contains("scenarios") || !root["scenarios"].is_array() || root["scenarios"].empty()) {
    throw file.fail("", "a suite is an object with a list of \"scenarios\"");
  }
  for (const auto& item : root.items()) {
    if (item.key() == "scenarios") continue;
    const std::vector<std::string> keys = {"scenarios"};
    throw unknown_name(file.where((nlohmann::json::json_pointer() / item.key()).to_string()), "key of a suite",
                       item.key(), keys);
  }
  for (std::size_t i = 0; i < root["scenarios"].size(); ++i) {
    const std::string pointer = fmt::format("/scenarios/{}", i);
    const nlohmann::json& entry = root["scenarios"][i];
    if (entry.is_string()) {
      scenarios.push_back(load_scenario_at(path_beside(file, entry.get<std::string>()), file.where(pointer)));
    } else if (entry.is_object() && entry.contains("scenario")) {
      scenarios.push_back(variant(file, pointer, entry));
    } else {
      scenarios.push_back(parse_scenario(file, pointer));
    }
  }
  check_names_differ(scenarios, name_or_file);
  return scenarios;
}

std::string suite_scenarios_json(const std::vector<Scenario>& scenarios, const std::filesystem::path& folder) {
  nlohmann::ordered_json json = {{"scenarios", nlohmann::ordered_json::array()}};
  for (const Scenario& scenario : scenarios) {
    json["scenarios"].push_back(ordered_json_of(scenario_json(seen_from(folder, scenario))));
  }
  return json_text(json, 2) + "\n";
}

std::vector<TrainingAxis> parse_training_axes(std::string_view text, std::string_view where) {
  std::vector<TrainingAxis> axes;
  std::set<std::string> names;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t equals = part.find('=');
    TrainingAxis axis;
    for (std::size_t at = equals + 1; equals != std::string_view::npos && at <= part.size();) {
      const std::size_t comma = std::min(part.find(',', at), part.size());
      axis.values.emplace_back(part.substr(at, comma - at));
      at = comma + 1;
    }
    axis.flag = part.substr(0, std::min(equals, part.size()));
    const bool empty = std::any_of(axis.values.begin(), axis.values.end(), [](const auto& v) { return v.empty(); });
    if (axis.flag.empty() || axis.values.empty() || empty) {
      throw InputError(fmt::format("{}: {} is not allowed; axes as load=1,1.2 are wanted, semicolon between", where,
                                   in_quotes(part)));
    }
    if (!names.insert(axis.flag).second) throw InputError(fmt::format("{}: {} is there twice", where, axis.flag));
    axes.push_back(std::move(axis));
  }
  return axes;
}

std::string format_training_axes(const std::vector<TrainingAxis>& axes) {
  std::string text;
  for (const TrainingAxis& axis : axes) {
    text += (text.empty() ? "" : ";") + axis.flag + "=";
    for (std::size_t i = 0; i < axis.values.size(); ++i) text += (i == 0 ? "" : ",") + axis.values[i];
  }
  return text;
}

std::vector<Scenario> training_variants(const Scenario& scenario, const std::vector<TrainingAxis>& axes,
                                        std::string_view where) {
  if (axes.empty()) return {scenario};
  std::size_t num = 1;
  for (const TrainingAxis& axis : axes) num *= axis.values.size();
  for (const auto& [range, use] :
       {std::pair(&scenario.train_seeds, "train"), {&scenario.validation_seeds, "validation"}}) {
    const std::size_t seeds = range->seeds().size();
    if (seeds >= num) continue;
    throw InputError(fmt::format("{}: {} combinations, but {} has {} {} seeds; give more by --{}-seeds", where, num,
                                 scenario.name, seeds, use == std::string("train") ? "training" : use, use));
  }
  std::vector<Scenario> variants;
  for (std::size_t i = 0; i < num; ++i) {
    Scenario& made = variants.emplace_back(scenario);
    std::string said;
    std::size_t rest = i;
    for (const TrainingAxis& axis : axes) {
      const std::string& value = axis.values[rest % axis.values.size()];
      rest /= axis.values.size();
      set_axis(made, axis.flag, value, where);
      said += fmt::format("{}{}={}", said.empty() ? "" : ",", axis.flag, value);
    }
    made.name += fmt::format(" ({})", said);
    made.train_seeds = share_of(scenario.train_seeds, i, num);
    made.validation_seeds = share_of(scenario.validation_seeds, i, num);
  }
  return variants;
}

}  // namespace switchyard
