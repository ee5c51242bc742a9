#pragma once

#include <array>
#include <functional>

namespace switchyard {

// Where `value` is least, sought from `start` by the simplex of Nelder and Mead, A simplex method for function
// minimization, The Computer Journal 7 (1965), with their coefficients; begun anew where it stops, until that gains
// nothing. The first simplex moves each coordinate by a fifth.
std::array<double, 3> simplex_minimum(const std::function<double(const std::array<double, 3>&)>& value,
                                      std::array<double, 3> start);

}  // namespace switchyard
