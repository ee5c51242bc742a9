#include "search/spec_list.hpp"

#include <fmt/format.h>

#include <set>

#include "core/input/error.hpp"

namespace switchyard {

std::vector<std::string> split_specs(std::string_view text, std::string_view where) {
  std::vector<std::string> parts(1);
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote == 0 && depth == 0 && c == ',') {
      parts.emplace_back();
      continue;
    }
    parts.back() += c;
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && depth > 0) {
      --depth;
    }
  }
  for (const std::string& part : parts) {
    if (part.find_first_not_of(" \t") == std::string::npos) {
      throw InputError(
          fmt::format("{}: {} is not allowed; policy specs, none empty, comma between", where, in_quotes(text)));
    }
  }
  return parts;
}

std::vector<const PolicyInfo*> all_policies() {
  std::vector<const PolicyInfo*> policies;
  for (const PolicyInfo& info : registered_policies()) {
    const bool listed = info.group != PolicyGroup::builder && info.group != PolicyGroup::reference;
    if (listed) policies.push_back(&info);
  }
  return policies;
}

std::vector<PolicySpec> parse_specs(std::string_view text, std::string_view where) {
  std::vector<PolicySpec> policies;
  if (text == "all") {
    for (const PolicyInfo* info : all_policies()) policies.push_back({info, default_values(info->params)});
    return policies;
  }
  for (const std::string& spec : split_specs(text, where)) policies.push_back(parse_policy(spec, where));
  check_all_differ(policies, where);
  return policies;
}

void check_all_differ(const std::vector<PolicySpec>& policies, std::string_view where) {
  std::set<std::string> known;
  for (const PolicySpec& policy : policies) {
    if (known.insert(policy.text()).second) continue;
    throw InputError(fmt::format("{}: {} is given twice", where, in_quotes(policy.text())));
  }
}

}  // namespace switchyard
