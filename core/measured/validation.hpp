// Real against simulated: how far apart a measured run and its replay are.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "core/measured/replay_run.hpp"

namespace switchyard {

struct ErrorPair {  // figures of nothing are NaN
  double real = 0;
  double simulated = 0;
  // simulated / real - 1; NaN where that is none: nothing is relative to a measured 0.
  double error() const { return real != 0 ? simulated / real - 1 : std::numeric_limits<double>::quiet_NaN(); }
};

struct MetricErrors {
  std::string metric;  // e2e_s, ttft_s, tpot_s
  ErrorPair mean, p50, p90, p99;
};

struct WindowErrors {
  double from_s = 0, to_s = 0;  // arrivals
  std::int64_t num_requests = 0;
  std::vector<MetricErrors> metrics;
};

struct Validation {
  std::vector<MetricErrors> metrics;
  std::vector<WindowErrors> windows;  // equal shares of the time of arrivals
  double request_error_p50 =
      0;  // |e2e simulated / real - 1| of a request whose real one is not 0; NaN if there is none
  double request_error_p95 = 0;
  ErrorPair tokens_per_s;  // output, from the first arrival to the last completion
  // Mean absolute differences over the log's times; -1 where it does not say.
  double running_difference = -1;
  double waiting_difference = -1;
  double kv_points_difference = -1;
};

Validation validate_run(const MeasuredRun& run, const ReplayedRun& replayed, int num_windows);

}  // namespace switchyard
