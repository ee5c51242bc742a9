// A linear model of what was measured, learned as it comes in.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace switchyard {

// Ridge regression (Hoerl and Kennard 1970) over the last `window` samples: features are scaled to mean 0 and deviation
// 1, and the sum of the squares of their weights is held down by as much as `kPenalty` samples would.
template <std::size_t N>
class Ridge {
 public:
  using Features = std::array<double, N>;

  void start(std::size_t window, std::size_t fewest) {
    samples_.clear();
    window_ = window;
    fewest_ = fewest;
    next_ = 0;
    added_ = 0;
    is_ready_ = false;
  }

  void add(const Features& features, double measured) {
    if (samples_.size() < window_) {
      samples_.push_back({features, measured});
    } else {
      samples_[next_] = {features, measured};
      next_ = (next_ + 1) % window_;
    }
    ++added_;
  }

  // Learns from what came in since the last time. Nothing while there are fewer than `fewest` samples.
  void fit();

  bool ready() const { return is_ready_; }
  // Of a model that is ready.
  double predict(const Features& features) const {
    double sum = base_;
    for (std::size_t i = 0; i < N; ++i) sum += weight_[i] * features[i];
    return sum;
  }

 private:
  static constexpr double kPenalty = 1.0;
  struct Sample {
    Features features;
    double measured;
  };
  std::vector<Sample> samples_;
  std::size_t window_ = 1, fewest_ = 1, next_ = 0;
  std::size_t added_ = 0;  // since the last fit
  bool is_ready_ = false;
  double base_ = 0;
  Features weight_{};
};

extern template class Ridge<5>;
extern template class Ridge<6>;

}  // namespace switchyard
