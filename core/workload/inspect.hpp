// What is in a workload, in figures and small plots.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/workload/plot.hpp"
#include "core/workload/reuse.hpp"
#include "core/workload/workload.hpp"

namespace switchyard {

inline constexpr std::array<double, 8> kInspectedLevels = {0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0};
inline constexpr std::size_t kRateBins = 60;

struct LengthFigures {  // tokens
  double mean = 0;
  std::int64_t total = 0;
  std::array<double, kInspectedLevels.size()> quantiles{};  // at kInspectedLevels, between ranks linear
  std::vector<std::size_t> histogram;                       // lengths in [2^i, 2^(i+1))
};

struct WorkloadFigures {
  std::size_t num_requests = 0;
  double first_arrival_s = 0;
  double duration_s = 0;  // from the first arrival to the last
  // Gaps by duration, and standard deviation of the gaps between arrivals by their mean: 1 if Poisson, above if bursty.
  // None if all arrive at once.
  std::optional<double> rate_qps, gap_cv;
  // Index of dispersion: variance by mean of the numbers of arrivals in consecutive whole windows; 1 if Poisson. None
  // for fewer than 10 windows.
  std::optional<double> dispersion_1s, dispersion_60s;
  double peak_minute_qps = 0;                 // rate in the busiest minute, counted from the first arrival
  std::optional<double> peak_to_mean;         // that by the mean rate, over a minute at least; as rate_qps
  std::array<double, kRateBins> rates_qps{};  // over equal parts of the duration
  LengthFigures prompts;
  LengthFigures outputs;
  std::optional<double> length_correlation;  // Pearson's, of prompt and output; none if one of them is constant
  std::optional<ReuseFigures> reuse;         // if something is known of what prompts hold
};

// `content` is by row. Throws std::invalid_argument if there are no rows.
WorkloadFigures inspect_workload(const std::vector<RawRequest>& rows, const Content& content = Content());

// The figures and plots as lines of text for people, at most 100 columns wide.
std::string describe_workload(const std::string& source, const WorkloadFigures& figures, PlotStyle style);

// The same for programs.
std::string workload_json(const std::string& source, const WorkloadFigures& figures);

}  // namespace switchyard
