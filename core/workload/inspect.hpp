// What is in a workload, in figures.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/workload/workload.hpp"

namespace switchyard {

inline constexpr std::array<double, 8> kInspectedLevels = {0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0};

struct LengthFigures {  // tokens
  double mean = 0;
  std::array<double, kInspectedLevels.size()> quantiles{};  // at kInspectedLevels, between ranks linear
};

struct WorkloadFigures {
  std::size_t num_requests = 0;
  double first_arrival_s = 0;
  double duration_s = 0;  // from the first arrival to the last
  double rate_qps = 0;    // gaps by duration; 0 if that is 0
  double gap_cv = 0;  // standard deviation of the gaps between arrivals by their mean: 1 if Poisson, above if bursty
  double peak_minute_qps = 0;  // rate in the busiest minute, counted from the first arrival
  LengthFigures prompts;
  LengthFigures outputs;
  double length_correlation = 0;  // Pearson's, of prompt and output
};

// Throws std::invalid_argument if there are no rows.
WorkloadFigures inspect_workload(const std::vector<RawRequest>& rows);

// The figures as lines of text for people.
std::string describe_workload(const std::string& source, const WorkloadFigures& figures);

}  // namespace switchyard
