#include "core/input/content_hash.hpp"

#include <fmt/format.h>

#include <bit>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace switchyard {

static_assert(std::endian::native == std::endian::little, "numbers go in as they lie in memory");

struct ContentHash::State {
  XXH3_state_t xxh3;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) { XXH3_64bits_reset(&state_->xxh3); }
ContentHash::~ContentHash() = default;

ContentHash& ContentHash::add_bytes(const void* bytes, std::size_t size) {
  const std::uint64_t length = size;
  XXH3_64bits_update(&state_->xxh3, &length, sizeof length);
  XXH3_64bits_update(&state_->xxh3, bytes, size);
  return *this;
}

std::string ContentHash::hex() const { return fmt::format("{:016x}", XXH3_64bits_digest(&state_->xxh3)); }

}  // namespace switchyard
