#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace switchyard {

// Replicas that are alike, and differ from others of the cluster in these fields of the scenario.
struct ReplicaGroup {
  std::int32_t count = 1;
  std::vector<std::pair<std::string, std::string>> fields;  // key and value, as a flag has it, in order of keys

  bool operator==(const ReplicaGroup&) const = default;
};

}  // namespace switchyard
