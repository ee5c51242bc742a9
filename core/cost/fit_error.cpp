#include "core/cost/fit_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/api/split_mix64.hpp"

namespace switchyard {

std::size_t fold_of(std::size_t i) {
  return static_cast<std::size_t>(SplitMix64(SplitMix64::kStep * i).next() % kFolds);
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
