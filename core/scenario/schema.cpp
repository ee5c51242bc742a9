#include <algorithm>

#include "core/input/json_text.hpp"
#include "core/scenario/fields.hpp"
#include "core/scenario/groups.hpp"

namespace switchyard {

namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson entry_of(const ScenarioField& field);

// What a group may have.
OrderedJson group_entries() {
  OrderedJson entries = {
      {"count", {{"description", "replicas of the group"}, {"type", "integer"}, {"minimum", 1}, {"maximum", 100000}}}};
  for (const ScenarioField& field : scenario_fields()) {
    if (is_of_group(field)) entries[field.key] = entry_of(field);
  }
  return entries;
}

OrderedJson entry_of(const ScenarioField& field) {
  OrderedJson entry = {{"description", field.only_if.empty() ? field.doc : field.doc + "; only if " + field.only_if}};
  switch (field.kind) {
    case FieldKind::text:
      entry["type"] = "string";
      break;
    case FieldKind::integer:
      entry["type"] = "integer";
      entry["minimum"] = static_cast<std::int64_t>(field.low);
      entry["maximum"] = static_cast<std::int64_t>(field.high);
      break;
    case FieldKind::real:
      entry["type"] = "number";
      entry["minimum"] = field.low;
      entry["maximum"] = field.high;
      if (!field.word.empty()) {
        entry = {{"description", entry["description"]},
                 {"anyOf",
                  {{{"type", "number"}, {"minimum", field.low}, {"maximum", field.high}},
                   {{"const", field.word}, {"description", field.word_doc}}}}};
      }
      break;
    case FieldKind::choice:
      entry["enum"] = field.choices;
      for (const auto& [alias, meant] : field.choice_aliases) entry["enum"].push_back(alias);
      break;
    case FieldKind::on_off:
      entry["type"] = "boolean";
      break;
    case FieldKind::groups:
      entry["type"] = "array";
      entry["items"] = {{"type", "object"}, {"properties", group_entries()}, {"additionalProperties", false}};
      break;
    case FieldKind::seeds:
      entry["type"] = "string";
      entry["pattern"] = "^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$";
      break;
  }
  entry["default"] = field.get(Scenario{});
  return entry;
}

}  // namespace

std::string scenario_schema() {
  OrderedJson schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                        {"title", "switchyard scenario"},
                        {"description", "Version 1. Missing fields take their defaults."},
                        {"type", "object"},
                        {"additionalProperties", false}};
  OrderedJson& properties = schema["properties"];
  properties["$schema"] = {{"type", "string"}};
  properties["name"] = {{"type", "string"}};
  properties["description"] = {{"type", "string"}};
  for (const ScenarioField& field : scenario_fields()) {
    OrderedJson& section = properties[field.section];
    if (section.is_null()) section = {{"type", "object"}, {"additionalProperties", false}};
    section["properties"][field.key] = entry_of(field);
  }
  return json_text(schema, 2) + "\n";
}

}  // namespace switchyard
