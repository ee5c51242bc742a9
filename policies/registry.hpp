// All built-in policies, by name. A group of them is a line in registry.cpp, a policy a few in its group's file.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/api/routed_by.hpp"

namespace switchyard {

// In the order of their groups.
const std::vector<PolicyInfo>& registered_policies();

std::vector<std::string> policy_names();

// Adds policies that are not part of this library, after all others. Call it before anything else is done, from one
// thread. Throws std::invalid_argument if a name is taken or is not one that a spec can hold.
void add_policies(std::vector<PolicyInfo> policies);

// Throws InputError with the nearest name; `where` leads the message.
const PolicyInfo& find_policy(std::string_view name, std::string_view where);

// A policy with its parameters, as a user writes it: "hra(decode_ratio=0.6,safety=0.03)".
struct PolicySpec {
  const PolicyInfo* info = nullptr;
  ParamValues values;
  std::shared_ptr<const PolicyInfo> own = {};  // of a policy with texts: what info points to

  std::string text() const { return info->spec(values); }  // canonical
  // Throws std::logic_error for a policy that inherits Clairvoyant and is not marked as one.
  std::unique_ptr<Policy> make() const;
  // The same for each of a replay's routers. Valid as long as this is.
  RoutedBy routed() const;
  // What it reads; of a setting of compose, what its parts do. Empty: that is not said, it may be anything.
  std::vector<Signal> signals() const;
};

// Throws InputError for unknown names, unknown parameters, values out of range.
PolicySpec parse_policy(std::string_view text, std::string_view where);

}  // namespace switchyard
