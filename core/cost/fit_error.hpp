// How far a fit is from what was measured, told by cross-validation: each measurement is predicted by a fit that has
// not seen it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace switchyard {

inline constexpr std::size_t kFolds = 10;

// The fold of the i-th measurement: the same for every run, and in no step with the order of a file.
std::size_t fold_of(std::size_t i);

struct FitError {  // of the measurements of one kind
  std::string kind;
  std::size_t count = 0;
  double median = 0;  // of |predicted - measured| / measured
  double p95 = 0;
};

// Sorts the relative errors; zeros if there are none.
FitError fit_error(std::string kind, std::vector<double> relative_errors);

// A line of text each, for people.
std::string describe_fit_errors(const std::vector<FitError>& errors);

}  // namespace switchyard
