#include "core/input/json_text.hpp"

#include <nlohmann/json.hpp>

namespace switchyard {

using nlohmann::json;
using nlohmann::ordered_json;

std::string json_text(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

std::string json_text(const ordered_json& value, int indent) {
  return value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

std::string json_quoted(std::string_view text) {
  return json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

ordered_json ordered_json_of(const std::string& text) { return ordered_json::parse(text); }

}  // namespace switchyard
