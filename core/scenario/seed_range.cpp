#include "core/scenario/seed_range.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "core/input/error.hpp"

namespace switchyard {

namespace {

constexpr std::uint64_t kMostSeeds = 10'000;
constexpr std::uint64_t kLargestSeed = 1'000'000'000'000'000;

std::optional<std::uint64_t> parse_seed(std::string_view text) {
  std::uint64_t seed = 0;
  const auto [at, fault] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (fault != std::errc() || at != text.data() + text.size() || seed > kLargestSeed) return std::nullopt;
  return seed;
}

}  // namespace

std::vector<std::uint64_t> SeedRange::seeds() const {
  std::vector<std::uint64_t> all;
  for (const auto& [first, last] : spans) {
    for (std::uint64_t seed = first; seed <= last; ++seed) all.push_back(seed);
  }
  return all;
}

SeedRange parse_seed_range(std::string_view text, std::string_view where) {
  const auto refuse = [&] {
    return InputError(fmt::format("{}: {} is not allowed; seeds are written 1-8 or 1-4,7,9: rising, at most {}", where,
                                  in_quotes(text), kMostSeeds));
  };
  SeedRange range;
  std::uint64_t count = 0;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view part = text.substr(begin, end - begin);
    const std::size_t dash = part.find('-');
    const auto first = parse_seed(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_seed(part.substr(dash + 1));
    if (!first || !last || *first > *last || (!range.spans.empty() && *first <= range.spans.back().second)) {
      throw refuse();
    }
    count += *last - *first + 1;
    if (count > kMostSeeds) throw refuse();
    range.spans.emplace_back(*first, *last);
    begin = end + 1;
  }
  return range;
}

std::string format_seed_range(const SeedRange& range) {
  std::string text;
  for (const auto& [first, last] : range.spans) {
    if (!text.empty()) text += ',';
    text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
  }
  return text;
}

}  // namespace switchyard
