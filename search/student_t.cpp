#include "search/student_t.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace switchyard {

double student_t_quantile(double p, double degrees) {
  return boost::math::quantile(boost::math::students_t(degrees), p);
}

double student_t_two_sided(double t, double degrees) {
  return 2 * boost::math::cdf(boost::math::complement(boost::math::students_t(degrees), std::abs(t)));
}

}  // namespace switchyard
