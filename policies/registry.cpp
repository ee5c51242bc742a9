#include "policies/registry.hpp"

#include "core/input/error.hpp"
#include "policies/declarations.hpp"

namespace switchyard {

const std::vector<PolicyInfo>& registered_policies() {
  static const std::vector<PolicyInfo> policies = {
      random_policy(),
      round_robin_policy(),
      lor_policy(),
      llq_policy(),
      power_of_two_policy(),
      hra_policy(),
      shortest_expected_work_policy(),
      prefill_balance_policy(),
      memory_headroom_policy(),
  };
  return policies;
}

const PolicyInfo& find_policy(std::string_view name, std::string_view where) {
  std::vector<std::string> names;
  for (const PolicyInfo& info : registered_policies()) {
    if (info.name == name) return info;
    names.push_back(info.name);
  }
  throw unknown_name(where, "policy", name, names);
}

PolicySpec parse_policy(std::string_view text, std::string_view where) {
  const ParsedSpec parsed = parse_spec(text, where);
  const PolicyInfo& info = find_policy(parsed.name, where);
  return {&info, bind_arguments(info.params, parsed, where)};
}

}  // namespace switchyard
