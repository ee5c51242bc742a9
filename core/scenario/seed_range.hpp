// The seeds that a scenario trains on or is judged by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace switchyard {

// Seeds in rising order, as spans of them: "1-8", "42", "1-4,7,9-12".
struct SeedRange {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> spans;  // both ends inclusive

  std::vector<std::uint64_t> seeds() const;
};

// Throws InputError that starts with `where`.
SeedRange parse_seed_range(std::string_view text, std::string_view where);
std::string format_seed_range(const SeedRange& range);

}  // namespace switchyard
