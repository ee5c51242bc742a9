#include "core/api/params.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string> names_of(const std::vector<ParamSpec>& params) {
  std::vector<std::string> names;
  for (const ParamSpec& param : params) names.push_back(param.name);
  return names;
}

}  // namespace

ParamValues default_values(const std::vector<ParamSpec>& params) {
  ParamValues values;
  for (const ParamSpec& param : params) values.push_back(param.default_value);
  return values;
}

bool is_active(const std::vector<ParamSpec>& params, const ParamValues& values, std::size_t index) {
  const std::vector<ParamCondition>& conditions = params[index].active_if;
  return conditions.empty() || std::any_of(conditions.begin(), conditions.end(), [&](const ParamCondition& condition) {
           for (std::size_t i = 0; i < params.size(); ++i) {
             if (params[i].name != condition.name) continue;
             const std::string& chosen = params[i].choices[static_cast<std::size_t>(values[i])];
             const auto& allowed = condition.values;
             return std::find(allowed.begin(), allowed.end(), chosen) != allowed.end() && is_active(params, values, i);
           }
           return false;
         });
}

std::string activity_text(const ParamSpec& param) {
  std::string text;
  for (const ParamCondition& condition : param.active_if) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{} is {}", condition.name, fmt::join(condition.values, " or "));
  }
  return text;
}

std::string format_value(const ParamSpec& param, double value) {
  if (param.type == ParamType::choice) return param.choices[static_cast<std::size_t>(value)];
  if (param.type == ParamType::integer) return fmt::format("{}", static_cast<std::int64_t>(value));
  return fmt::format("{}", value);
}

double parse_value(const ParamSpec& param, std::string_view text, std::string_view where) {
  text = trim(text);
  if (param.type == ParamType::choice) {
    for (std::size_t i = 0; i < param.choices.size(); ++i) {
      if (param.choices[i] == text) return static_cast<double>(i);
    }
    throw unknown_name(where, fmt::format("value of '{}'", param.name), text, param.choices);
  }
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = param.type == ParamType::integer;
  const bool is_number = fault == std::errc() && end == text.data() + text.size() && std::isfinite(value);
  if (!is_number || value < param.low || value > param.high || (whole && value != std::floor(value))) {
    throw InputError(fmt::format("{}: parameter '{}' is '{}'; allowed: {} from {} to {}", where, param.name, text,
                                 whole ? "a whole number" : "a number", param.low, param.high));
  }
  return value == 0 ? 0 : value;  // -0 is 0: one setting has one canonical spec
}

std::string format_spec(std::string_view name, const std::vector<ParamSpec>& params, const ParamValues& values) {
  std::string arguments;
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!is_active(params, values, i)) continue;
    if (!arguments.empty()) arguments += ',';
    arguments += params[i].name + '=' + format_value(params[i], values[i]);
  }
  return arguments.empty() ? std::string(name) : fmt::format("{}({})", name, arguments);
}

ParsedSpec parse_spec(std::string_view text, std::string_view where) {
  const std::string_view spec = trim(text);
  auto fault = [&](std::size_t position, std::string_view expected) {
    return InputError(fmt::format("{}: cannot read policy spec '{}' at character {}: expected {}", where, spec,
                                  position + 1, expected));
  };
  ParsedSpec parsed;
  std::size_t at = 0;
  while (at < spec.size() && is_name_char(spec[at])) ++at;
  if (at == 0) throw fault(0, "a policy name");
  parsed.name = std::string(spec.substr(0, at));
  if (at == spec.size()) return parsed;
  if (spec[at] != '(') throw fault(at, "'(' or the end");
  if (spec.back() != ')') throw fault(spec.size(), "')'");
  std::size_t begin = at + 1;
  const std::size_t close = spec.size() - 1;
  if (trim(spec.substr(begin, close - begin)).empty()) return parsed;
  while (true) {
    const std::size_t equals = spec.find('=', begin);
    std::size_t end = std::min(spec.find(',', begin), close);
    if (equals == std::string_view::npos || equals >= end) throw fault(begin, "name=value");
    const std::string_view name = trim(spec.substr(begin, equals - begin));
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_char)) throw fault(begin, "a parameter name");
    std::size_t start = equals + 1;
    while (spec[start] == ' ' || spec[start] == '\t') ++start;
    std::string_view value;
    if (spec[start] == '"') {  // anything up to the next quote
      const std::size_t quote = spec.find('"', start + 1);
      if (quote == std::string_view::npos) throw fault(start, "a '\"' at the end of the text");
      value = spec.substr(start + 1, quote - start - 1);
      end = std::min(spec.find(',', quote), close);
      if (!trim(spec.substr(quote + 1, end - quote - 1)).empty()) throw fault(quote + 1, "',' or ')'");
    } else {
      value = trim(spec.substr(start, end - start));
      if (value.empty() || value.find_first_of("()=\"") != std::string_view::npos) throw fault(equals + 1, "a value");
    }
    parsed.arguments.emplace_back(name, value);
    if (end == close) return parsed;
    begin = end + 1;
  }
}

ParamValues bind_arguments(const std::vector<ParamSpec>& params, const ParsedSpec& spec, std::string_view where) {
  ParamValues values = default_values(params);
  std::vector<bool> given(params.size(), false);
  for (const auto& argument : spec.arguments) {
    const std::string& name = argument.first;
    const auto found =
        std::find_if(params.begin(), params.end(), [&](const ParamSpec& param) { return param.name == name; });
    if (found == params.end()) {
      throw unknown_name(where, fmt::format("parameter of '{}'", spec.name), name, names_of(params));
    }
    const auto index = static_cast<std::size_t>(found - params.begin());
    if (given[index]) throw InputError(fmt::format("{}: parameter '{}' is given twice", where, name));
    given[index] = true;
    values[index] = parse_value(*found, argument.second, where);
  }
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (given[i] && !is_active(params, values, i)) {
      throw InputError(fmt::format("{}: parameter '{}' has no effect here: it matters only if {}", where,
                                   params[i].name, activity_text(params[i])));
    }
  }
  return values;
}

}  // namespace switchyard
