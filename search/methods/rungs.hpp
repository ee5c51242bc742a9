// How many training seeds a setting runs on before it is looked at again.
#pragma once

#include <cstddef>
#include <vector>

namespace switchyard {

// 1, 2, 4, ... seeds up to all of them.
inline std::vector<std::size_t> doubling_rungs(std::size_t num_seeds) {
  std::vector<std::size_t> rungs;
  for (std::size_t seeds = 1; seeds < num_seeds; seeds *= 2) rungs.push_back(seeds);
  rungs.push_back(num_seeds);
  return rungs;
}

}  // namespace switchyard
