#include "policies/learning/ridge.hpp"

#include <cmath>

namespace switchyard {

template <std::size_t N>
void Ridge<N>::fit() {
  if (added_ == 0 || samples_.size() < fewest_) return;
  added_ = 0;
  const auto count = static_cast<double>(samples_.size());
  Features mean{}, scale{};
  double measured = 0;
  for (const Sample& sample : samples_) {
    for (std::size_t i = 0; i < N; ++i) mean[i] += sample.features[i] / count;
    measured += sample.measured / count;
  }
  for (const Sample& sample : samples_) {
    for (std::size_t i = 0; i < N; ++i) {
      const double off = sample.features[i] - mean[i];
      scale[i] += off * off / count;
    }
  }
  for (double& each : scale) each = each > 0 ? 1 / std::sqrt(each) : 0;  // what never differs teaches nothing

  // The normal equations, a symmetric matrix and its right side, by Cholesky's decomposition in place.
  std::array<Features, N> matrix{};
  Features right{};
  for (const Sample& sample : samples_) {
    Features scaled;
    for (std::size_t i = 0; i < N; ++i) scaled[i] = (sample.features[i] - mean[i]) * scale[i];
    for (std::size_t i = 0; i < N; ++i) {
      for (std::size_t j = 0; j <= i; ++j) matrix[i][j] += scaled[i] * scaled[j];
      right[i] += scaled[i] * (sample.measured - measured);
    }
  }
  for (std::size_t i = 0; i < N; ++i) matrix[i][i] += kPenalty;
  for (std::size_t i = 0; i < N; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = matrix[i][j];
      for (std::size_t k = 0; k < j; ++k) sum -= matrix[i][k] * matrix[j][k];
      matrix[i][j] = i == j ? std::sqrt(sum) : sum / matrix[j][j];
    }
    for (std::size_t k = 0; k < i; ++k) right[i] -= matrix[i][k] * right[k];
    right[i] /= matrix[i][i];
  }
  for (std::size_t i = N; i-- > 0;) {
    for (std::size_t k = i + 1; k < N; ++k) right[i] -= matrix[k][i] * right[k];
    right[i] /= matrix[i][i];
  }

  base_ = measured;
  for (std::size_t i = 0; i < N; ++i) {
    weight_[i] = right[i] * scale[i];
    base_ -= weight_[i] * mean[i];
  }
  is_ready_ = true;
}

template class Ridge<5>;
template class Ridge<6>;

}  // namespace switchyard
