// The step of an engine from a grid of measured attention calls that hold prefills and decodes together
// (LLMServingSim's columns). With kernels that compute both in one call this is no sum of two.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/cost/curve.hpp"
#include "core/cost/step_times.hpp"
#include "core/input/json_file.hpp"

namespace switchyard {

// Attention of one layer, us, at every combination of four axes, the last fastest: chunk, tokens processed before it,
// decodes, their context. Axes rise; those of chunk, processed and decodes begin with 0.
struct AttentionGrid {
  std::array<std::vector<double>, 4> axes;
  std::vector<double> us;

  // Linear along each axis, also beyond its end.
  double at(double chunk, double processed, double decodes, double context) const;
  bool holds(double chunk, double processed, double decodes, double context) const;

 private:
  double corner(std::array<std::size_t, 4> index) const;
};

struct GridSum {
  double overhead_ms = 0;
  double layers = 1;
  double skew = 0;  // how far uneven contexts take what the longest would: mean + skew (longest - mean)
  Curve tokens;     // ms of the whole model over tokens of a step
  Curve requests;   // ms over requests in it
  AttentionGrid attention;
};

class GridTimes final : public StepTimes {
 public:
  explicit GridTimes(GridSum sum) : sum_(std::move(sum)) {}

  double milliseconds(const BatchShape& step, bool& outside) const override;
  bool uneven() const override { return sum_.skew > 0; }
  double prefill_attention(std::int64_t, std::int64_t, bool&) const override { return 0; }  // in the grid
  std::string_view kind() const override { return "attention_grid"; }
  std::string json() const override;
  static std::shared_ptr<const GridTimes> from_json(const JsonFile& file, const std::string& pointer);

  const GridSum& sum() const { return sum_; }

 private:
  GridSum sum_;
};

}  // namespace switchyard
