#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

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

}  // namespace

Options declare_policies() {
  Options options("policies [NAME]",
                  "Shows all policies, or one: its spec with default values, what it does, where it comes from, and "
                  "each parameter with default, range and meaning.\n"
                  "example: switchyard policies hra",
                  1);
  options.word_candidates(policy_names());
  return options;
}

int command_policies(const Options& options) {
  if (!options.words().empty()) {
    describe(find_policy(options.words()[0], "policies"));
    return 0;
  }
  for (const PolicyInfo& info : registered_policies()) describe(info);
  return 0;
}

}  // namespace switchyard
