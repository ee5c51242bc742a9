// A trace boiled down to a few kilobytes of derived figures, so that scenarios run where the trace is not.
//
// What is kept: the quantiles of prompt and of output lengths; how many requests of each epoch (an equal share of the
// trace, in order of arrival) fall into each cell of a grid of prompt bin times output bin, bins being equal shares of
// the ranks; and the arrival curve, as the fewest straight pieces between which a Kolmogorov test sees a constant rate.
// README.md has the method and how close it comes.
#pragma once

#include <string>
#include <vector>

#include "core/input/json_file.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

class TraceModel {
 public:
  static constexpr std::string_view kFormat = "switchyard trace model 1";
  static constexpr std::size_t kBins = 16;  // per length

  // The levels, rising from 0 to 1, at which quantiles are kept: every 1/128, and above 127/128 ever closer to 1.
  static std::vector<double> levels();

  // Whether a file that begins so holds a model rather than a trace: an object whose `format` comes soon.
  static bool is_model(std::string_view beginning);

  // Throws InputError, by line and column, for a file that is no such model.
  explicit TraceModel(const JsonFile& json);

  // The name of the trace file that it was derived from.
  const std::string& derived_from() const { return derived_from_; }

  // As many rows as the trace had, over the same time, the same ones each time: within its epoch and cell each length
  // is an evenly spaced quantile, and within a piece of the arrival curve arrivals are uniform.
  std::vector<RawRequest> rows() const;

 private:
  using Grid = std::vector<std::int32_t>;  // kBins rows by prompt, of kBins columns by output

  struct Knot {
    std::size_t index = 0;  // of a request
    double time_s = 0;      // of its arrival
  };

  std::string derived_from_;
  std::vector<double> prompt_quantiles_;
  std::vector<double> output_quantiles_;
  std::vector<Grid> epochs_;
  std::vector<Knot> arrivals_;
};

}  // namespace switchyard
