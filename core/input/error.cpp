#include "core/input/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace switchyard {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] != b[j] ? 1 : 0);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_name(std::string_view name, std::span<const std::string> candidates) {
  constexpr std::size_t kLongest = 100;  // no name of ours comes near
  if (name.size() > kLongest) return "";
  std::string best;
  std::size_t best_distance = 2 + name.size() / 3;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  std::string shown(text.substr(0, kLongest));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return "'" + shown + (text.size() > kLongest ? "...'" : "'");
}

InputError unknown_name(std::string_view where, std::string_view what, std::string_view name,
                        std::span<const std::string> candidates) {
  const std::string nearest = nearest_name(name, candidates);
  return InputError(fmt::format("{}{}unknown {} {}{} (known: {})", where, where.empty() ? "" : ": ", what,
                                in_quotes(name), nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest),
                                fmt::join(candidates, ", ")));
}

}  // namespace switchyard
