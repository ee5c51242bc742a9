// What a block of a prompt is called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace switchyard {

namespace detail {
class BlockNaming;
}

// Stands for the tokens of a block of a prompt and all tokens before it: two names of blocks of the same size are equal
// exactly if the prompts begin with the same tokens up to the ends of these blocks. All else about a name means
// nothing; it does not tell when, or whether, a block will be seen again.
class BlockName {
 public:
  bool operator==(const BlockName&) const = default;

 private:
  friend class detail::BlockNaming;
  friend struct std::hash<BlockName>;
  explicit BlockName(std::uint64_t shown_as) : shown_as_(shown_as) {}

  std::uint64_t shown_as_;
};

}  // namespace switchyard

template <>
struct std::hash<switchyard::BlockName> {
  std::size_t operator()(const switchyard::BlockName& name) const { return static_cast<std::size_t>(name.shown_as_); }
};
