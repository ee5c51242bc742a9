// Lists of policy specs, as the command line takes them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policies/registry.hpp"

namespace switchyard {

// The parts between commas that are in no parentheses and no quotes: "hra(a=1,b=2),llq" has two. Throws InputError that
// starts with `where` for an empty part.
std::vector<std::string> split_specs(std::string_view text, std::string_view where);

// What "all" means where policies are asked for: each that is neither built of chosen parts nor clairvoyant.
std::vector<const PolicyInfo*> all_policies();

// Policies of such a list; "all": the default setting of each of all_policies().
// Throws InputError that starts with `where`, also for one given twice.
std::vector<PolicySpec> parse_specs(std::string_view text, std::string_view where);

// Throws InputError that starts with `where` if a policy is there twice, however it is written.
void check_all_differ(const std::vector<PolicySpec>& policies, std::string_view where);

}  // namespace switchyard
