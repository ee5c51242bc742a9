#include "core/scenario/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "core/input/error.hpp"
#include "core/scenario/fields.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kMostSeeds = 10000;

// "file:line:column" of the first time that a key is written. Good enough to find it: keys do not repeat.
std::string where_is(const std::string& text, const std::string& file, const std::string& key) {
  const std::size_t at = text.find('"' + key + '"');
  if (at == std::string::npos) return file;
  const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
  const std::size_t start = text.rfind('\n', at);
  return fmt::format("{}:{}:{}", file, line, start == std::string::npos ? at + 1 : at - start);
}

}  // namespace

std::vector<std::uint64_t> SeedRange::seeds() const {
  std::vector<std::uint64_t> all;
  for (std::uint64_t seed = first; seed <= last; ++seed) all.push_back(seed);
  return all;
}

SeedRange parse_seed_range(std::string_view text, std::string_view where) {
  SeedRange range;
  const char* end = text.data() + text.size();
  auto [at, fault] = std::from_chars(text.data(), end, range.first);
  range.last = range.first;
  if (fault == std::errc() && at != end && *at == '-') {
    const auto rest = std::from_chars(at + 1, end, range.last);
    at = rest.ptr;
    fault = rest.ec;
  }
  const bool good = fault == std::errc() && at == end && range.first <= range.last &&
                    range.last - range.first < kMostSeeds && range.last <= 1'000'000'000'000'000;
  if (!good) {
    throw InputError(fmt::format("{}: seeds are '{}'; allowed: a seed or a rising range of at most {}, as 1-8", where,
                                 text, kMostSeeds));
  }
  return range;
}

std::string format_seed_range(const SeedRange& range) {
  return range.first == range.last ? fmt::format("{}", range.first) : fmt::format("{}-{}", range.first, range.last);
}

Scenario parse_scenario(const std::string& text, const std::string& file) {
  Json json;
  try {
    json = Json::parse(text);
  } catch (const Json::parse_error& error) {
    const std::size_t at = std::min<std::size_t>(error.byte > 0 ? error.byte - 1 : 0, text.size());
    const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
    throw InputError(fmt::format("{}:{}: not JSON: {}", file, line, error.what()));
  }
  if (!json.is_object()) throw InputError(fmt::format("{}:1: a scenario is a JSON object", file));
  Scenario scenario;
  std::vector<std::string> sections = {"name", "description"};
  for (const ScenarioField& field : scenario_fields()) {
    if (std::find(sections.begin(), sections.end(), field.section) == sections.end()) {
      sections.push_back(field.section);
    }
  }
  for (const auto& [section, content] : json.items()) {
    const std::string where = where_is(text, file, section);
    if (section == "name" || section == "description") {
      if (!content.is_string())
        throw InputError(fmt::format("{}: {} is {}; allowed: text", where, section, content.dump()));
      (section == "name" ? scenario.name : scenario.description) = content.get<std::string>();
      continue;
    }
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
      throw unknown_name(where, "section", section, sections);
    }
    if (!content.is_object()) throw InputError(fmt::format("{}: {} must be an object", where, section));
    for (const auto& [key, value] : content.items()) {
      std::vector<std::string> keys;
      const ScenarioField* found = nullptr;
      for (const ScenarioField& field : scenario_fields()) {
        if (field.section != section) continue;
        keys.push_back(field.key);
        if (field.key == key) found = &field;
      }
      if (!found) throw unknown_name(where_is(text, file, key), "field of " + section, key, keys);
      set_field(*found, scenario, value, where_is(text, file, key));
    }
  }
  return scenario;
}

Scenario load_scenario(const std::string& name_or_file) {
  if (name_or_file.ends_with(".json")) {
    std::ifstream in(name_or_file, std::ios::binary);
    if (!in) throw InputError(fmt::format("{}: cannot read the scenario file", name_or_file));
    std::ostringstream text;
    text << in.rdbuf();
    return parse_scenario(text.str(), name_or_file);
  }
  std::vector<std::string> names;
  for (const EmbeddedScenario& scenario : embedded_scenarios()) {
    if (scenario.name == name_or_file) return parse_scenario(scenario.json, scenario.name + ".json");
    names.push_back(scenario.name);
  }
  throw unknown_name("--scenario", "scenario", name_or_file, names);
}

std::string scenario_json(const Scenario& scenario) {
  nlohmann::ordered_json json = {{"name", scenario.name}, {"description", scenario.description}};
  for (const ScenarioField& field : scenario_fields()) json[field.section][field.key] = field.get(scenario);
  return json.dump(2);
}

}  // namespace switchyard
