// SplitMix64 (Steele, Lea, Flood 2014): the one generator that every stream of random numbers here is made from.
#pragma once

#include <cstdint>

namespace switchyard {

class SplitMix64 {
 public:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;  // 2^64 / golden ratio, odd

  SplitMix64() = default;
  explicit SplitMix64(std::uint64_t state) : state_(state) {}

  std::uint64_t next() { return mix(state_ += kStep); }

  // A permutation of the 64-bit numbers after which those that differ in one bit differ in about half of them.
  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

 protected:
  std::uint64_t state_ = 0;
};

}  // namespace switchyard
