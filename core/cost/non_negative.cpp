#include "core/cost/non_negative.hpp"

#include <Eigen/Dense>
#include <algorithm>

namespace switchyard {

std::vector<double> non_negative_least_squares(const std::vector<double>& a, const std::vector<double>& b,
                                               const std::vector<double>& weights, std::size_t columns) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto n = static_cast<Eigen::Index>(columns), m = static_cast<Eigen::Index>(b.size());
  const Eigen::Map<const RowMajor> matrix(a.data(), m, n);
  const Eigen::Map<const Eigen::VectorXd> target(b.data(), m), weight(weights.data(), m);
  Eigen::MatrixXd gram = matrix.transpose() * weight.asDiagonal() * matrix;
  Eigen::VectorXd moment = matrix.transpose() * weight.cwiseProduct(target);
  // Columns of unit length, so that one tolerance serves all.
  Eigen::VectorXd scale(n);
  for (Eigen::Index j = 0; j < n; ++j) scale[j] = gram(j, j) > 0 ? 1 / std::sqrt(gram(j, j)) : 0;
  gram = (scale.asDiagonal() * gram * scale.asDiagonal()).eval();
  moment = scale.cwiseProduct(moment).eval();
  const double tolerance = 1e-10 * std::max(moment.cwiseAbs().maxCoeff(), 1e-300);

  Eigen::VectorXd x = Eigen::VectorXd::Zero(n);
  std::vector<Eigen::Index> passive;  // the columns that may be above 0
  for (Eigen::Index step = 0; step < 3 * n; ++step) {
    const Eigen::VectorXd gradient = moment - gram * x;
    Eigen::Index entering = -1;
    for (Eigen::Index j = 0; j < n; ++j) {
      if (scale[j] == 0 || std::find(passive.begin(), passive.end(), j) != passive.end()) continue;
      if (gradient[j] > (entering < 0 ? tolerance : gradient[entering])) entering = j;
    }
    if (entering < 0) break;
    passive.push_back(entering);
    while (!passive.empty()) {
      const Eigen::VectorXd solved = gram(passive, passive).ldlt().solve(moment(passive));
      if (solved.minCoeff() > 0) {
        x.setZero();
        x(passive) = solved;
        break;
      }
      double share = 1;  // of the way to `solved`, as far as nothing falls below 0
      for (std::size_t k = 0; k < passive.size(); ++k) {
        const double from = x[passive[k]], to = solved[static_cast<Eigen::Index>(k)];
        if (to <= 0) share = std::min(share, from / (from - to));
      }
      std::vector<Eigen::Index> kept;
      for (std::size_t k = 0; k < passive.size(); ++k) {
        double& value = x[passive[k]];
        const double to = solved[static_cast<Eigen::Index>(k)];
        value += share * (to - value);
        if (to <= 0 && value <= 1e-12) {
          value = 0;
        } else {
          kept.push_back(passive[k]);
        }
      }
      if (kept.size() == passive.size()) break;  // rounding: nothing left to take out
      passive = std::move(kept);
    }
  }
  x = x.cwiseProduct(scale).eval();
  return {x.data(), x.data() + n};
}

}  // namespace switchyard
