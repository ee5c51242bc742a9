// Groups of replicas that are not alike: each a number of replicas, and what they have in place of what the scenario
// says for all.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/scenario/replica_group.hpp"

namespace switchyard {

struct Scenario;
struct ScenarioField;

// What a scenario's `cluster.groups` holds, and back: an array of objects with `count` and fields of the sections
// cluster and cost by their names. Throws InputError that starts with `where`.
std::vector<ReplicaGroup> groups_from_json(const nlohmann::json& groups, std::string_view where);
nlohmann::json groups_json(const std::vector<ReplicaGroup>& groups);

// The same of a flag: 'count=2,profile=h100-llama3-8b,num_gpu_blocks=9000', several divided by semicolons.
std::vector<ReplicaGroup> parse_groups(const std::string& text, std::string_view where);

// Whether groups may differ in the field.
bool is_of_group(const ScenarioField& field);

// The scenario as it is for one group of its replicas: without groups.
Scenario scenario_of_group(const Scenario& scenario, const ReplicaGroup& group);

}  // namespace switchyard
