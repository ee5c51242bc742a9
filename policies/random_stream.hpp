// A policy's own random numbers, the same on every machine.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "core/api/split_mix64.hpp"

namespace switchyard {

class RandomStream : public SplitMix64 {
 public:
  RandomStream() = default;
  // The stream of the policy `name` on the workload of `seed`.
  RandomStream(std::uint64_t seed, std::string_view name) : SplitMix64(seed) {
    for (const char c : name) state_ = (next() ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }

  // Uniform in 0..bound-1 (bound >= 1), without bias: draws again above the largest multiple of bound.
  std::int32_t below(std::int32_t bound) {
    const auto n = static_cast<std::uint64_t>(bound);
    const std::uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    std::uint64_t draw = next();
    while (draw >= limit) draw = next();
    return static_cast<std::int32_t>(draw % n);
  }

  // Two different ones of 0..bound-1; twice 0, from one draw, if there is one only.
  std::pair<std::int32_t, std::int32_t> two_below(std::int32_t bound) {
    const std::int32_t first = below(bound);
    if (bound == 1) return {first, first};
    const std::int32_t second = below(bound - 1);
    return {first, second + (second >= first)};
  }
};

}  // namespace switchyard
