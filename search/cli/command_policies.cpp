#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "policies/registry.hpp"
#include "search/cli/command.hpp"
#include "search/cli/options.hpp"

namespace switchyard {

namespace {

std::string range_of(const ParamSpec& param) {
  if (param.type == ParamType::choice) return fmt::format("{}", fmt::join(param.choices, "|"));
  return fmt::format("{} to {}{}", format_value(param, param.low), format_value(param, param.high),
                     param.scale == ParamScale::log ? ", log" : "");
}

void describe(const PolicyInfo& info) {
  std::cout << format_spec(info.name, info.params, default_values(info.params)) << "\n  " << info.summary << "\n";
  if (info.clairvoyant) std::cout << "  Knows output lengths: a reference, never deployable.\n";
  if (!info.source.empty()) std::cout << "  Source: " << info.source << "\n";
  for (const ParamSpec& param : info.params) {
    std::cout << fmt::format("    {:<18} {:<10} [{}]  {}", param.name, format_value(param, param.default_value),
                             range_of(param), param.doc);
    if (!param.active_if.empty()) {
      std::cout << fmt::format(" (if {})", activity_text(param));
    }
    std::cout << "\n";
  }
}

nlohmann::ordered_json value_json(const ParamSpec& param, double value) {
  if (param.type == ParamType::choice) return format_value(param, value);
  if (param.type == ParamType::integer) return static_cast<std::int64_t>(value);
  return value;
}

nlohmann::ordered_json json_of(const PolicyInfo& info) {
  nlohmann::ordered_json json = {{"name", info.name},
                                 {"spec", format_spec(info.name, info.params, default_values(info.params))},
                                 {"summary", info.summary},
                                 {"source", info.source},
                                 {"clairvoyant", info.clairvoyant},
                                 {"parameters", nlohmann::ordered_json::array()}};
  for (const ParamSpec& param : info.params) {
    nlohmann::ordered_json entry = {
        {"name", param.name}, {"doc", param.doc}, {"default", value_json(param, param.default_value)}};
    if (param.type == ParamType::choice) {
      entry["choices"] = param.choices;
    } else {
      entry["low"] = value_json(param, param.low);
      entry["high"] = value_json(param, param.high);
      entry["scale"] = param.scale == ParamScale::log ? "log" : "linear";
    }
    if (!param.active_if.empty()) entry["only_if"] = activity_text(param);
    json["parameters"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace

Options declare_policies() {
  Options options("policies [NAME]",
                  "Shows all policies, or one: its spec with default values, what it does, where it comes from, and "
                  "each parameter with default, range and meaning.\n"
                  "example: switchyard policies hra",
                  1);
  options.toggle("json", "print them as JSON").word_candidates(policy_names());
  return options;
}

int command_policies(const Options& options) {
  std::vector<PolicyInfo> shown = registered_policies();
  if (!options.words().empty()) shown = {find_policy(options.words()[0], "policies")};
  if (options.has("json")) {
    auto list = nlohmann::ordered_json::array();
    for (const PolicyInfo& info : shown) list.push_back(json_of(info));
    std::cout << list.dump(2) << "\n";
  } else {
    for (const PolicyInfo& info : shown) describe(info);
  }
  return 0;
}

}  // namespace switchyard
