#include "results/schema_parts.hpp"

#include <algorithm>
#include <cmath>

#include "core/input/json_text.hpp"

namespace switchyard::schema {

namespace {

Json typed(const char* type, const char* description) { return {{"description", description}, {"type", type}}; }

}  // namespace

Json closed_object(const Json& properties, const std::vector<std::string>& optional) {
  Json schema = {{"type", "object"}, {"additionalProperties", false}};
  for (const auto& [name, property] : properties.items()) {
    if (std::find(optional.begin(), optional.end(), name) == optional.end()) schema["required"].push_back(name);
  }
  schema["properties"] = properties;
  return schema;
}

Json list_of(const char* description, const Json& items) {
  Json schema = typed("array", description);
  schema["items"] = items;
  return schema;
}

Json version(int number) { return {{"description", "of this format"}, {"const", number}}; }

Json text(const char* description) { return typed("string", description); }

Json flag(const char* description) { return typed("boolean", description); }

Json number(const char* description) { return typed("number", description); }

Json count(const char* description) {
  Json schema = typed("integer", description);
  schema["minimum"] = 0;
  return schema;
}

Json digest() {
  return {{"description", "of what decides the results: kernel number, cluster options, batch times, workload rows"},
          {"type", "string"},
          {"pattern", "^k[0-9]+-c[0-9a-f]{16}-t[0-9a-f]{16}-w[0-9a-f]{16}$"}};
}

Json figure(const SummaryField& field) {
  Json schema = typed(field.whole() ? "integer" : "number", field.doc.c_str());
  if (!field.may_be_absent()) return schema;
  schema["type"] = {"number", "null"};
  schema["description"] = field.doc + "; null without " + field.needs;
  return schema;
}

Json spread(const char* description) {
  const auto figure = [](const char* of) { return Json{{"description", of}, {"type", {"number", "null"}}}; };
  const char* end = "of the interval; null: not bounded, or, if both are, too few seeds for one";
  Json schema = {{"description", description}};
  schema.update(
      closed_object({{"value", figure("null: does not exist")}, {"low", figure(end)}, {"high", figure(end)}}));
  return schema;
}

Json spread_json(const Spread& spread) {
  const auto figure = [](double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); };
  return {{"value", figure(spread.value)}, {"low", figure(spread.low)}, {"high", figure(spread.high)}};
}

std::string published(const std::string& title, const std::string& description, const Json& object) {
  Json schema = {
      {"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", title}, {"description", description}};
  schema.update(object);
  return json_text(schema, 2) + "\n";
}

}  // namespace switchyard::schema
