// What a full KV block holds, as a number: two blocks have the same key exactly if all tokens from the start of the
// sequence to the end of the block are the same.
#pragma once

#include <cstdint>

namespace switchyard {

using BlockKey = std::uint64_t;

}  // namespace switchyard
