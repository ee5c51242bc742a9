// Names of blocks for tests of what keeps them.
#pragma once

#include <string_view>
#include <vector>

#include "core/cluster/block_naming.hpp"

namespace switchyard {

// A prompt in letters, a block each. Two prompts have a block in common if they are the same up to its end.
class Letters {
 public:
  std::vector<BlockName> operator()(std::string_view prompt) {
    std::vector<BlockName> names;
    std::uint64_t path = 0;
    for (const char letter : prompt)
      names.push_back(naming_.name(16, path = 31 * path + static_cast<unsigned char>(letter)));
    return names;
  }

 private:
  detail::BlockNaming naming_;
};

}  // namespace switchyard
