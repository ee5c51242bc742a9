// The configuration with which a serving system's own router runs a setting of the policy that stands for it here.
#pragma once

#include <string>
#include <vector>

#include "policies/registry.hpp"

namespace switchyard {

struct RouterTarget {
  std::string name;                   // "llmd"
  std::string system;                 // "llm-d router"
  std::string version;                // what the configuration was written for, with its date
  std::string format;                 // what kind of file it is
  std::string checked;                // what it was checked against
  std::vector<std::string> policies;  // that it can run
};

const std::vector<RouterTarget>& router_targets();
const RouterTarget& find_router_target(const std::string& name, std::string_view where);  // throws InputError

// The configuration as text; comments in it say what it was made of and for which version. Throws InputError that
// starts with `where` if that router cannot run the policy, or not with these parameters: the message names them all.
std::string router_config(const PolicySpec& policy, const RouterTarget& target, std::string_view where);

// The targets as a list in Markdown, for docs.
std::string router_targets_markdown();

}  // namespace switchyard
