#include "core/cost/fit_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace switchyard {

std::size_t fold_of(std::size_t i) {
  std::uint64_t z = (static_cast<std::uint64_t>(i) + 1) * 0x9e3779b97f4a7c15ULL;  // SplitMix64's mixing
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<std::size_t>((z ^ (z >> 31)) % kFolds);
}

FitError fit_error(std::string kind, std::vector<double> relative_errors) {
  FitError error{.kind = std::move(kind), .count = relative_errors.size()};
  if (relative_errors.empty()) return error;
  std::sort(relative_errors.begin(), relative_errors.end());
  const auto at = [&](double level) {
    return relative_errors[static_cast<std::size_t>(level * static_cast<double>(relative_errors.size() - 1) + 0.5)];
  };
  error.median = at(0.5);
  error.p95 = at(0.95);
  return error;
}

std::string describe_fit_errors(const std::vector<FitError>& errors) {
  std::string text =
      fmt::format("{}-fold cross-validation\n{:<18}{:>8}{:>10}{:>10}\n", kFolds, "", "count", "median", "p95");
  for (const FitError& error : errors) {
    text +=
        fmt::format("{:<18}{:>8}{:>9.2f}%{:>9.2f}%\n", error.kind, error.count, error.median * 100, error.p95 * 100);
  }
  return text;
}

}  // namespace switchyard
