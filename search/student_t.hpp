// Student's t distribution.
#pragma once

namespace switchyard {

// The value that a share `p` of the distribution is below; degrees of freedom above 0, whole or not.
double student_t_quantile(double p, double degrees);

// The chance of a value at least as far from 0 as `t`, to either side.
double student_t_two_sided(double t, double degrees);

}  // namespace switchyard
