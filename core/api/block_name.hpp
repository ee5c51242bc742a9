// What a block of a prompt is called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace switchyard {

namespace detail {
class BlockNaming;
}

// Stands for the tokens of a block of a prompt and all tokens before it: two names are equal exactly if the prompts
// begin with the same tokens up to the ends of these blocks. All else about a name means nothing; it does not tell
// when, or whether, a block will be seen again.
class BlockName {
 public:
  bool operator==(const BlockName&) const = default;

 private:
  friend class detail::BlockNaming;
  friend struct std::hash<BlockName>;
  explicit BlockName(std::uint64_t mixed) : mixed_(mixed) {}

  std::uint64_t mixed_;
};

namespace detail {

// Makes names of a workload's numbers, which count up as content first occurs: the gap between two prompts' numbers
// would tell how long an output in between will be. So they are mixed, one to one (the last steps of SplitMix64).
class BlockNaming {
 public:
  static BlockName of_number(std::uint64_t number) {
    number = (number ^ 0x5bd1e9955bd1e995ULL) * 0x9e3779b97f4a7c15ULL;
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9ULL;
    number = (number ^ (number >> 27)) * 0x94d049bb133111ebULL;
    return BlockName(number ^ (number >> 31));
  }
};

}  // namespace detail

}  // namespace switchyard

template <>
struct std::hash<switchyard::BlockName> {
  std::size_t operator()(const switchyard::BlockName& name) const { return static_cast<std::size_t>(name.mixed_); }
};
