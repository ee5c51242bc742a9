#pragma once

#include <string>
#include <vector>

namespace switchyard {

struct EmbeddedProfile {
  std::string name;
  std::string file;  // it was read from, for errors
  std::string json;
};

// The files core/data/profile_*.json, by name.
const std::vector<EmbeddedProfile>& embedded_profiles();

}  // namespace switchyard
