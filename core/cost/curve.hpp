// Functions through measured points.
#pragma once

#include <map>
#include <utility>
#include <vector>

namespace switchyard {

// A piecewise linear function. Before the first knot it is constant; beyond the last it goes on with the slope of the
// last half, at least 0.
struct Curve {
  std::vector<double> x;  // rising
  std::vector<double> y;  // ms per layer

  double at(double position) const;

  // Without the knots that a straight line through their neighbours gives within a relative tolerance.
  Curve thinned(double tolerance) const;
};

// Curves along one axis at several positions of another: attn_decode over KV length at batch sizes, attn_prefill over
// chunk length at KV lengths. Between positions it is linear (so bilinear in all), beyond them as a curve is.
struct CurveSet {
  std::vector<double> position;  // rising
  std::vector<Curve> curves;

  double at(double position_wanted, double x) const;

  // Without the curves that their neighbours give within the tolerance (and that reach no further than these), each of
  // the others thinned.
  CurveSet thinned(double tolerance) const;
};

// Points that were measured, perhaps more than once: the curve through the mean of each.
class CurveSamples {
 public:
  void add(double x, double y);
  std::size_t size() const { return points_.size(); }
  Curve curve() const;

 private:
  std::map<double, std::pair<double, int>> points_;  // sum and count of y, by x
};

}  // namespace switchyard
