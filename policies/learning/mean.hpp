// The mean output length of completed requests.
#pragma once

#include <array>

#include "policies/learning/output_lengths.hpp"

namespace switchyard {

class RunningMean {
 public:
  void start() { *this = {}; }
  void add(std::int32_t tokens) {
    ++count_;
    total_ += tokens;
  }
  void remove(std::int32_t tokens) {
    --count_;
    total_ -= tokens;
  }
  // Drawn towards `prior` as if 8 requests had had it.
  double mean(double prior = kPriorOutputMean) const {
    return (prior * kPriorOutputWeight + static_cast<double>(total_)) /
           (kPriorOutputWeight + static_cast<double>(count_));
  }
  std::int64_t count() const { return count_; }

 private:
  std::int64_t count_ = 0;
  std::int64_t total_ = 0;
};

class MeanLengths final : public OutputLengths {
 public:
  void start() override {
    mean_.start();
    known_ = {};
  }
  void observe(const CompletedRequest& request) override {
    mean_.add(request.num_decode_tokens);
    known_ = {};
  }
  double expected(const QueuedRequest&) const override { return mean_.mean(); }
  double survival(std::int32_t, double, double steps) const override;
  double growth(std::int32_t, double, double horizon) const override;

 private:
  RunningMean mean_;
  // Answers since the last completion: the same few numbers of steps are asked for again for every request.
  struct Answer {
    double steps = -1, survival = 0;
  };
  mutable std::array<Answer, 8> known_;
  mutable std::size_t oldest_ = 0;
};

}  // namespace switchyard
