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

// The files core/data/prior_*.json: what other tables of the same GPUs say, for fits alone.
const std::vector<EmbeddedProfile>& embedded_priors();

}  // namespace switchyard
