// Parameters, declared once. A policy lists each of its parameters with name, type, default, range, scale and one line
// of doc; parsing, help, docs, the search space and the canonical spec string all derive from that list.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

enum class ParamType : std::uint8_t { real, integer, choice };
enum class ParamScale : std::uint8_t { linear, log };

// Holds while choice parameter `name` has one of `values`, and matters itself.
struct ParamCondition {
  std::string name;
  std::vector<std::string> values;
};

struct ParamSpec {
  std::string name;
  ParamType type = ParamType::real;
  double default_value = 0.0;  // choice: index into choices
  double low = 0.0;            // inclusive; choice: 0
  double high = 0.0;           // inclusive; choice: choices.size() - 1
  ParamScale scale = ParamScale::linear;
  std::vector<std::string> choices;
  std::string doc;
  std::vector<ParamCondition> active_if;  // the parameter matters only while one of these holds; empty: always
};

// The values of one policy's parameters, in the order of their declaration. Integers and choice indices are held as
// doubles that are whole numbers.
using ParamValues = std::vector<double>;

ParamValues default_values(const std::vector<ParamSpec>& params);

// Whether parameter `index` matters at these values (see active_if).
bool is_active(const std::vector<ParamSpec>& params, const ParamValues& values, std::size_t index);

// When it matters, in words: "order is age or work; place is work"; "" if always.
std::string activity_text(const ParamSpec& param);

// Text of one value: shortest decimal that reads back as the same double; choices by name.
std::string format_value(const ParamSpec& param, double value);

// Reads one value; throws InputError that starts with `where` and names the value found and what is allowed.
double parse_value(const ParamSpec& param, std::string_view text, std::string_view where);

// "name(a=1,b=x)" with every active parameter, "name" if there is none: the canonical spec.
std::string format_spec(std::string_view name, const std::vector<ParamSpec>& params, const ParamValues& values);

// A spec split into its parts, before the parameters are known: "hra(decode_ratio=0.6)".
struct ParsedSpec {
  std::string name;
  std::vector<std::pair<std::string, std::string>> arguments;
};

// Throws InputError that starts with `where` and gives the position of the fault in the text.
ParsedSpec parse_spec(std::string_view text, std::string_view where);

// Checks arguments against declarations: unknown or repeated names and values out of range throw InputError.
ParamValues bind_arguments(const std::vector<ParamSpec>& params, const ParsedSpec& spec, std::string_view where);

}  // namespace switchyard
