// A distribution as its quantiles at fixed levels, denser in the upper tail: small enough to keep for every policy of a
// leaderboard, fine enough to draw.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace switchyard {

// 0, 0.01, ... 0.99, 0.991, ... 0.999, 1.
const std::vector<double>& sketch_levels();

// Nearest-rank quantiles at these levels: the smallest value that at least a share q of the values do not exceed; to
// five significant digits. Empty if there are no values.
std::vector<double> sketch(std::vector<double> values);

// The times of requests, s, that reports draw: end-to-end, to first token, per output token after the first (of
// requests with more than one).
struct RequestTimes {
  std::vector<double> e2e, ttft, tpot;
  void add(double e2e_s, double ttft_s, double outputs);
};

// {"e2e_s": [...], "ttft_s": [...], "tpot_s": [...]}, each a sketch.
nlohmann::ordered_json sketches(const RequestTimes& times);

}  // namespace switchyard
