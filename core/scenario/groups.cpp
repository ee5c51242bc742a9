#include "core/scenario/groups.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/input/error.hpp"
#include "core/input/json_text.hpp"
#include "core/scenario/fields.hpp"

namespace switchyard {

namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostReplicas = 100000;

const ScenarioField& field_of_group(const std::string& key, std::string_view where) {
  std::vector<std::string> keys = {"count"};
  for (const ScenarioField& field : scenario_fields()) {
    if (!is_of_group(field)) continue;
    if (field.key == key) return field;
    keys.push_back(field.key);
  }
  throw unknown_name(where, "field of a group", key, keys);
}

// Checked, and as `get` gives it back.
Json value_of(const ScenarioField& field, const Json& value, std::string_view where) {
  Scenario scratch;
  const std::string its_place = fmt::format("{}: {}", where, field.key);
  if (value.is_string()) {
    set_field_from_text(field, scratch, value.get<std::string>(), its_place);
  } else {
    set_field(field, scratch, value, its_place);
  }
  return field.get(scratch);
}

std::string as_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  return json_text(value);
}

ReplicaGroup group_from(const Json& given, std::string_view where) {
  if (!given.is_object()) throw InputError(fmt::format("{}: a group must be an object", where));
  ReplicaGroup group;
  for (const auto& [key, value] : given.items()) {
    if (key == "count") {
      if (!value.is_number_integer() || value.get<std::int64_t>() < 1 || value.get<std::int64_t>() > kMostReplicas) {
        throw InputError(fmt::format("{}: count: '{}' is not allowed; a whole number from 1 to {} is wanted", where,
                                     json_text(value), kMostReplicas));
      }
      group.count = value.get<std::int32_t>();
      continue;
    }
    group.fields.emplace_back(key, as_text(value_of(field_of_group(key, where), value, where)));
  }
  std::sort(group.fields.begin(), group.fields.end());
  return group;
}

}  // namespace

bool is_of_group(const ScenarioField& field) {
  return (field.section == "cluster" && field.kind != FieldKind::groups && field.key != "replicas") ||
         field.section == "cost";
}

std::vector<ReplicaGroup> groups_from_json(const Json& groups, std::string_view where) {
  if (!groups.is_array()) throw InputError(fmt::format("{}: groups must be an array of objects", where));
  std::vector<ReplicaGroup> read;
  std::int64_t count = 0;
  for (const Json& group : groups) {
    read.push_back(group_from(group, fmt::format("{}: group {}", where, read.size() + 1)));
    count += read.back().count;
  }
  if (count > kMostReplicas) {
    throw InputError(fmt::format("{}: {} replicas are too many; at most {} are allowed", where, count, kMostReplicas));
  }
  return read;
}

Json groups_json(const std::vector<ReplicaGroup>& groups) {
  Json array = Json::array();
  for (const ReplicaGroup& group : groups) {
    Json object = {{"count", group.count}};
    for (const auto& [key, value] : group.fields) {
      object[key] = value_of(field_of_group(key, "a group"), Json(value), "a group");
    }
    array.push_back(std::move(object));
  }
  return array;
}

std::vector<ReplicaGroup> parse_groups(const std::string& text, std::string_view where) {
  Json array = Json::array();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    Json object = Json::object();
    for (std::size_t i = begin; i < end;) {
      const std::size_t stop = std::min({text.find(',', i), end});
      const std::string part = text.substr(i, stop - i);
      const std::size_t equals = part.find('=');
      if (equals == std::string::npos) {
        throw InputError(fmt::format("{}: '{}' is not allowed; count=N,FIELD=VALUE,... is wanted", where, part));
      }
      const std::string key = part.substr(0, equals), value = part.substr(equals + 1);
      if (object.contains(key)) throw InputError(fmt::format("{}: {} is given twice", where, key));
      const bool digits = !value.empty() && value.size() < 10 && value.find_first_not_of("0123456789") == value.npos;
      object[key] = key == "count" && digits ? Json(std::stoll(value)) : Json(value);
      i = stop + 1;
    }
    array.push_back(std::move(object));
    begin = end + 1;
  }
  return groups_from_json(array, where);
}

Scenario scenario_of_group(const Scenario& scenario, const ReplicaGroup& group) {
  Scenario of = scenario;
  of.groups.clear();
  of.replicas = group.count;
  const auto set = [&](bool engine) {
    for (const auto& [key, value] : group.fields) {
      if ((key == "replica_scheduler") == engine) {
        set_field_from_text(field_of_group(key, "a group"), of, value, "group: " + key);
      }
    }
  };
  set(true);
  set(false);
  for (const auto& [key, value] : group.fields) {
    const ScenarioField& field = field_of_group(key, "a group");
    if (!field.engines.has(of.replica_scheduler)) {
      throw InputError(fmt::format("cluster.groups: {} {}", key, not_an_option(field, of.replica_scheduler, "")));
    }
  }
  return of;
}

}  // namespace switchyard
