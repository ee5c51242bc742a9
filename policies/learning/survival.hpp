// The survival curve of output lengths.
#pragma once

#include <array>
#include <vector>

#include "policies/learning/mean.hpp"

namespace switchyard {

// In bins of kBin tokens, linear within them. Made anew when what it rests on has changed by a twentieth, so that
// observing takes constant time on average.
class SurvivalCurve {
 public:
  // Keeps the last `window` outputs; 0: all.
  explicit SurvivalCurve(std::int32_t window = 0) : window_(static_cast<std::size_t>(window)) {}

  void start();
  void observe(std::int32_t outputs);

  double mean() const { return mean_.mean(); }
  double survival(double generated, double steps) const;
  double growth(double generated, double horizon) const;

 private:
  static constexpr int kBin = 8;
  static constexpr int kBins = 1024;
  static std::size_t bin_of(std::int32_t outputs);
  void refresh();
  double at(double tokens) const;       // S
  double area_to(double tokens) const;  // integral of S from 0

  std::size_t window_;
  std::vector<std::int32_t> ring_;  // the last window_ outputs
  RunningMean mean_;
  std::vector<std::int64_t> counts_;
  std::vector<double> survival_;  // S at the start of each bin
  std::vector<double> area_;      // integral of S up to the start of each bin
  std::size_t observed_ = 0;
  std::size_t next_refresh_ = 1;
};

class SurvivalLengths final : public OutputLengths {
 public:
  explicit SurvivalLengths(std::int32_t window = 0) : curve_(window) {}
  void start() override { curve_.start(); }
  void observe(const CompletedRequest& request) override { curve_.observe(request.num_decode_tokens); }
  double expected(const QueuedRequest&) const override { return curve_.mean(); }
  double survival(std::int32_t, double generated, double steps) const override {
    return curve_.survival(generated, steps);
  }
  double growth(std::int32_t, double generated, double horizon) const override {
    return curve_.growth(generated, horizon);
  }

 private:
  SurvivalCurve curve_;
};

// The curve of all, stretched for each prompt to the mean of its bucket: prompts of the same power of two. A bucket's
// mean is drawn towards the mean of all as if 8 of its requests had had it.
class BucketLengths final : public OutputLengths {
 public:
  void start() override;
  void observe(const CompletedRequest& request) override;
  double expected(const QueuedRequest& request) const override { return mean_of(request.num_prefill_tokens); }
  double survival(std::int32_t prompt, double generated, double steps) const override;
  double growth(std::int32_t prompt, double generated, double horizon) const override;
  bool by_prompt() const override { return true; }

 private:
  double mean_of(std::int32_t prompt) const;
  double stretch(std::int32_t prompt) const { return mean_of(prompt) / curve_.mean(); }

  SurvivalCurve curve_;
  std::array<RunningMean, 32> buckets_;
};

}  // namespace switchyard
