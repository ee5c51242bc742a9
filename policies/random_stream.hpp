// A policy's own random numbers: SplitMix64 (Steele, Lea, Flood 2014), the same on every machine.
#pragma once

#include <cstdint>
#include <string_view>

namespace switchyard {

class RandomStream {
 public:
  RandomStream() = default;
  // The stream of the policy `name` on the workload of `seed`.
  RandomStream(std::uint64_t seed, std::string_view name) : state_(seed) {
    for (const char c : name) state_ = (next() ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  // Uniform in 0..bound-1 (bound >= 1), without bias: draws again above the largest multiple of bound.
  std::int32_t below(std::int32_t bound) {
    const auto n = static_cast<std::uint64_t>(bound);
    const std::uint64_t limit = UINT64_MAX - UINT64_MAX % n;
    std::uint64_t draw = next();
    while (draw >= limit) draw = next();
    return static_cast<std::int32_t>(draw % n);
  }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace switchyard
