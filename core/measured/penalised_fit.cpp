#include "core/measured/penalised_fit.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace switchyard {

namespace {

constexpr int kMostRounds = 60;
constexpr int kMostTries = 12;
constexpr double kDifference = 5e-4;  // of a prior's deviation
constexpr double kLeastGain = 1e-9;   // less is none

// A symmetric positive definite matrix, row-major, and what solves with it: its Cholesky factor.
class Factored {
 public:
  static std::optional<Factored> of(std::vector<double> matrix, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = matrix[i * size + j];
        for (std::size_t k = 0; k < j; ++k) sum -= matrix[i * size + k] * matrix[j * size + k];
        if (i == j && !(sum > 0)) return std::nullopt;
        matrix[i * size + j] = i == j ? std::sqrt(sum) : sum / matrix[j * size + j];
      }
    }
    return Factored(std::move(matrix), size);
  }
  std::vector<double> solve(std::vector<double> b) const {
    for (std::size_t i = 0; i < size_; ++i) {
      for (std::size_t k = 0; k < i; ++k) b[i] -= at(i, k) * b[k];
      b[i] /= at(i, i);
    }
    for (std::size_t i = size_; i-- > 0;) {
      for (std::size_t k = i + 1; k < size_; ++k) b[i] -= at(k, i) * b[k];
      b[i] /= at(i, i);
    }
    return b;
  }

 private:
  Factored(std::vector<double> lower, std::size_t size) : lower_(std::move(lower)), size_(size) {}
  double at(std::size_t i, std::size_t j) const { return lower_[i * size_ + j]; }

  std::vector<double> lower_;
  std::size_t size_;
};

class Problem {
 public:
  Problem(const FitErrors& errors_at, const std::vector<double>& weights, const std::vector<PriorKnowledge>& prior,
          double width)
      : errors_at_(errors_at), weights_(weights), prior_(prior), width_(width), size_(prior.size()) {}

  double loss(const std::vector<double>& x) {
    errors_at_(x, errors_);
    double sum = 0;
    for (std::size_t i = 0; i < errors_.size(); ++i) {
      sum += 2 * weights_[i] * width_ * (std::hypot(errors_[i], width_) - width_);
    }
    for (std::size_t j = 0; j < size_; ++j) sum += std::pow(deviates(x, j), 2);
    return sum;
  }

  // Gradient and Gauss and Newton's matrix of half the loss.
  void derive(const std::vector<double>& x) {
    errors_at_(x, errors_);
    std::vector<std::vector<double>> moved(size_);
    for (std::size_t j = 0; j < size_; ++j) {
      std::vector<double> y = x;
      y[j] += kDifference * prior_[j].deviation;
      errors_at_(y, moved[j]);
    }
    gradient.assign(size_, 0);
    matrix.assign(size_ * size_, 0);
    std::vector<double> slope(size_);
    for (std::size_t i = 0; i < errors_.size(); ++i) {
      const double weight = weights_[i] * width_ / std::hypot(errors_[i], width_);
      for (std::size_t j = 0; j < size_; ++j) {
        slope[j] = (moved[j][i] - errors_[i]) / (kDifference * prior_[j].deviation);
        gradient[j] += weight * slope[j] * errors_[i];
        for (std::size_t k = 0; k <= j; ++k) matrix[j * size_ + k] += weight * slope[j] * slope[k];
      }
    }
    for (std::size_t j = 0; j < size_; ++j) {
      gradient[j] += deviates(x, j) / prior_[j].deviation;
      matrix[j * size_ + j] += 1 / (prior_[j].deviation * prior_[j].deviation);
    }
  }

  std::vector<double> gradient, matrix;

 private:
  double deviates(const std::vector<double>& x, std::size_t j) const {
    return (x[j] - prior_[j].mean) / prior_[j].deviation;
  }

  const FitErrors& errors_at_;
  const std::vector<double>& weights_;
  const std::vector<PriorKnowledge>& prior_;
  double width_;
  std::size_t size_;
  std::vector<double> errors_;
};

}  // namespace

PenalisedFit penalised_fit(const FitErrors& errors_at, const std::vector<double>& weights,
                           const std::vector<PriorKnowledge>& prior, double width) {
  const std::size_t size = prior.size();
  Problem problem(errors_at, weights, prior, width);
  PenalisedFit fit;
  for (const PriorKnowledge& known : prior) fit.at.push_back(known.mean);
  double loss = problem.loss(fit.at), damping = 1e-3;
  problem.derive(fit.at);
  for (int step = 0; step < kMostRounds; ++step) {
    double gain = 0;
    for (int tries = 0; tries < kMostTries && gain <= 0; ++tries) {
      std::vector<double> damped = problem.matrix, next = fit.at;
      for (std::size_t j = 0; j < size; ++j) damped[j * size + j] *= 1 + damping;
      const auto factored = Factored::of(std::move(damped), size);
      const std::vector<double> move = factored ? factored->solve(problem.gradient) : std::vector<double>(size, 0.0);
      for (std::size_t j = 0; j < size; ++j) next[j] = std::max(prior[j].least, fit.at[j] - move[j]);
      const double found = problem.loss(next);
      if (found < loss) {
        gain = loss - found;
        loss = found;
        fit.at = std::move(next);
        damping = std::max(1e-9, damping / 10);
      } else {
        damping *= 10;
      }
    }
    if (gain <= 0) break;
    problem.derive(fit.at);
    if (gain < kLeastGain * loss) break;
  }
  const auto factored = Factored::of(problem.matrix, size);
  for (std::size_t j = 0; j < size; ++j) {
    std::vector<double> unit(size, 0.0);
    unit[j] = 1;
    fit.deviations.push_back(factored ? std::sqrt(factored->solve(std::move(unit))[j]) : prior[j].deviation);
  }
  return fit;
}

}  // namespace switchyard
