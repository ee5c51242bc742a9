#include "core/scenario/digest.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <vector>

namespace switchyard {

namespace {

constexpr std::size_t kDigits = 16;

bool is_hex(std::string_view text) {
  return text.size() == kDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string Digest::text() const { return fmt::format("k{}-c{}-t{}-w{}", kernel, cluster, cost, workload); }

std::optional<Digest> parse_digest(std::string_view text) {
  Digest digest;
  if (!text.starts_with('k')) return std::nullopt;
  const char* end = text.data() + text.size();
  const auto [at, fault] = std::from_chars(text.data() + 1, end, digest.kernel);
  if (fault != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()));
  for (const auto& [letter, part] :
       {std::pair('c', &Digest::cluster), std::pair('t', &Digest::cost), std::pair('w', &Digest::workload)}) {
    if (text.size() < kDigits + 2 || text[0] != '-' || text[1] != letter) return std::nullopt;
    digest.*part = text.substr(2, kDigits);
    if (!is_hex(digest.*part)) return std::nullopt;
    text.remove_prefix(kDigits + 2);
  }
  return text.empty() ? std::optional(digest) : std::nullopt;
}

std::string digest_difference(std::string_view one, std::string_view other) {
  const auto a = parse_digest(one), b = parse_digest(other);
  if (!a || !b) return "";
  std::vector<std::string> parts;
  const auto add = [&](const char* what, const std::string& from, const std::string& to) {
    if (from != to) parts.push_back(fmt::format("{} ({} and {})", what, from, to));
  };
  add("the program's kernel number", std::to_string(a->kernel), std::to_string(b->kernel));
  add("the cluster's and engine's options", "c" + a->cluster, "c" + b->cluster);
  add("the batch times", "t" + a->cost, "t" + b->cost);
  add("the workload's rows", "w" + a->workload, "w" + b->workload);
  return fmt::format("{}", fmt::join(parts, " and "));
}

}  // namespace switchyard
