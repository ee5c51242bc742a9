#include "core/input/json_text.hpp"

#include <nlohmann/json.hpp>

namespace switchyard {

std::string json_text(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_text(const nlohmann::ordered_json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string json_quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

nlohmann::ordered_json ordered_json_of(const std::string& text) { return nlohmann::ordered_json::parse(text); }

}  // namespace switchyard
