// What a router can learn about output lengths: from completed requests only. The prior is the same for every workload:
// a geometric distribution with a mean of 128 tokens that counts as much as 8 completed requests.
#pragma once

#include <cstdint>
#include <vector>

#include "core/api/views.hpp"

namespace switchyard {

inline constexpr double kPriorOutputMean = 128.0;
inline constexpr double kPriorOutputWeight = 8.0;

// Mean output length. O(1).
class MeanOutputLength {
 public:
  void start() { count_ = total_ = 0; }
  void observe(const CompletedRequest& request) {
    ++count_;
    total_ += request.num_decode_tokens;
  }
  double mean() const {
    return (kPriorOutputMean * kPriorOutputWeight + static_cast<double>(total_)) /
           (kPriorOutputWeight + static_cast<double>(count_));
  }

 private:
  std::int64_t count_ = 0;
  std::int64_t total_ = 0;
};

// The survival curve of output lengths, in bins of kBin tokens. Refreshed when completions have grown by a twentieth,
// so that observing is O(1) amortised.
class OutputSurvival {
 public:
  void start();
  void observe(const CompletedRequest& request);

  // Expected number of output tokens that a request which has produced `generated` tokens will still produce within
  // its next `horizon` steps: the sum over t < horizon of S(generated + t) / S(generated).
  double expected_growth(double generated, double horizon) const;

 private:
  static constexpr int kBin = 8;
  static constexpr int kBins = 1024;
  void refresh();
  double area_to(double tokens) const;  // integral of S from 0

  std::vector<std::int64_t> counts_;
  std::vector<double> survival_;  // S at the start of each bin
  std::vector<double> area_;      // integral of S up to the start of each bin
  std::int64_t count_ = 0;
  std::int64_t next_refresh_ = 1;
};

}  // namespace switchyard
