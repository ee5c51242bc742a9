#pragma once

#include <vector>

namespace switchyard {

// The x >= 0 that minimises the sum over rows i of weight_i * (sum_j a_ij x_j - b_i)^2, after Lawson and Hanson,
// Solving Least Squares Problems (1974), chapter 23. `a` is row-major, rows by columns. A column of zeros gets 0.
std::vector<double> non_negative_least_squares(const std::vector<double>& a, const std::vector<double>& b,
                                               const std::vector<double>& weights, std::size_t columns);

}  // namespace switchyard
