#include "search/forest.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "search/space.hpp"

namespace switchyard {

namespace {

constexpr double kInactive = -1;  // coordinate of a number that does not matter; choices have the index 63

struct Split {
  double gain = 0;
  std::size_t feature = 0;
  double threshold = 0;
  std::uint64_t group = 0;
  bool choice = false;
};

struct Sums {
  double count = 0, sum = 0, squares = 0;
  void add(double y) {
    ++count;
    sum += y;
    squares += y * y;
  }
  double error() const { return count > 0 ? squares - sum * sum / count : 0; }  // sum of squared deviations
};

}  // namespace

Forest::Forest(const std::vector<ParamSpec>& params, const std::vector<ParamValues>& settings,
               const std::vector<double>& targets, const ForestOptions& options)
    : params_(params) {
  std::vector<std::vector<double>> rows;
  for (const ParamValues& values : settings) rows.push_back(encode(values));
  for (int t = 0; t < options.trees; ++t) {
    trees_.push_back(grow(rows, targets, options, static_cast<std::uint64_t>(t)));
  }
}

std::vector<double> Forest::encode(const ParamValues& values) const {
  std::vector<double> row;
  for (std::size_t i = 0; i < params_.size(); ++i) {
    const bool choice = params_[i].type == ParamType::choice;
    if (!is_active(params_, values, i)) {
      row.push_back(choice ? 63 : kInactive);
    } else {
      row.push_back(choice ? std::min(values[i], 62.0) : coordinate_of(params_[i], values[i]));
    }
  }
  return row;
}

Forest::Tree Forest::grow(const std::vector<std::vector<double>>& rows, const std::vector<double>& targets,
                          const ForestOptions& options, std::uint64_t number) const {
  RandomStream random(options.seed * 1000 + number, "forest");
  const auto n = static_cast<std::int32_t>(rows.size());
  std::vector<std::int32_t> sample;  // with replacement
  for (std::int32_t i = 0; i < n; ++i) sample.push_back(random.below(n));
  std::sort(sample.begin(), sample.end());

  Tree tree(1);
  struct Pending {
    std::int32_t node;
    std::vector<std::int32_t> members;
  };
  std::vector<Pending> pending;
  pending.push_back({0, std::move(sample)});
  std::vector<std::size_t> features(params_.size());
  std::iota(features.begin(), features.end(), std::size_t{0});
  const auto tried = static_cast<std::size_t>(std::ceil(options.feature_share * static_cast<double>(features.size())));

  while (!pending.empty()) {
    auto [at, members] = std::move(pending.back());
    pending.pop_back();
    Sums all;
    for (const std::int32_t i : members) all.add(targets[static_cast<std::size_t>(i)]);
    Node& leaf = tree[static_cast<std::size_t>(at)];
    leaf.mean = all.sum / all.count;
    leaf.variance = std::max(0.0, all.error() / all.count);
    if (members.size() < 2 * options.leaf || all.error() <= 1e-18 * all.squares) continue;

    for (std::size_t k = features.size(); k > 1; --k) {  // Fisher, Yates
      std::swap(features[k - 1], features[static_cast<std::size_t>(random.below(static_cast<std::int32_t>(k)))]);
    }
    Split best;
    std::vector<std::pair<double, double>> ordered;  // value or group mean, target
    for (std::size_t k = 0; k < features.size(); ++k) {
      if (k >= tried && best.gain > 0) break;
      const std::size_t f = features[k];
      auto value = [&](std::int32_t i) { return rows[static_cast<std::size_t>(i)][f]; };
      const bool choice = params_[f].type == ParamType::choice;
      std::array<Sums, 64> by_choice{};
      if (choice) {
        for (const std::int32_t i : members) {
          by_choice[static_cast<std::size_t>(value(i))].add(targets[static_cast<std::size_t>(i)]);
        }
      }
      ordered.clear();
      for (const std::int32_t i : members) {
        // Choices in the order of their means: the best two groups are a cut of that order (Breiman and others 1984).
        const Sums& own = by_choice[choice ? static_cast<std::size_t>(value(i)) : 0];
        ordered.emplace_back(choice ? own.sum / own.count : value(i), targets[static_cast<std::size_t>(i)]);
      }
      std::sort(ordered.begin(), ordered.end());
      Sums left;
      for (std::size_t i = 0; i + options.leaf < ordered.size(); ++i) {
        left.add(ordered[i].second);
        if (i + 1 < options.leaf || ordered[i].first == ordered[i + 1].first) continue;
        Sums right{all.count - left.count, all.sum - left.sum, all.squares - left.squares};
        const double gain = all.error() - left.error() - right.error();
        if (gain <= best.gain * (1 + 1e-12)) continue;
        const double share = 0.25 + 0.5 * uniform(random);  // where in the gap: trees differ, the forest is smoother
        const double cut = ordered[i].first + share * (ordered[i + 1].first - ordered[i].first);
        best = {gain, f, cut, 0, choice};
        if (!choice) continue;
        for (std::size_t c = 0; c < by_choice.size(); ++c) {
          if (by_choice[c].count > 0 && by_choice[c].sum / by_choice[c].count <= ordered[i].first) {
            best.group |= std::uint64_t{1} << c;
          }
        }
      }
    }
    if (best.gain <= 0) continue;
    Node node = leaf;
    node.feature = static_cast<std::int32_t>(best.feature);
    node.threshold = best.threshold;
    node.group = best.group;
    node.choice = best.choice;
    node.left = static_cast<std::int32_t>(tree.size());
    node.right = node.left + 1;
    std::vector<std::int32_t> lefts, rights;
    for (const std::int32_t i : members) {
      const double value = rows[static_cast<std::size_t>(i)][best.feature];
      const bool goes_left = best.choice ? (best.group >> static_cast<unsigned>(value)) & 1 : value <= best.threshold;
      (goes_left ? lefts : rights).push_back(i);
    }
    if (lefts.empty() || rights.empty()) continue;  // a cut that rounding put on a value
    tree[static_cast<std::size_t>(at)] = node;
    tree.resize(tree.size() + 2);
    pending.push_back({node.right, std::move(rights)});
    pending.push_back({node.left, std::move(lefts)});
  }
  return tree;
}

Prediction Forest::predict(const ParamValues& values) const {
  const std::vector<double> row = encode(values);
  double sum = 0, squares = 0, within = 0;
  for (const Tree& tree : trees_) {
    const Node* node = &tree[0];
    while (node->feature >= 0) {
      const double value = row[static_cast<std::size_t>(node->feature)];
      const bool left = node->choice ? (node->group >> static_cast<unsigned>(value)) & 1 : value <= node->threshold;
      node = &tree[static_cast<std::size_t>(left ? node->left : node->right)];
    }
    sum += node->mean;
    squares += node->mean * node->mean;
    within += node->variance;
  }
  const auto n = static_cast<double>(trees_.size());
  const double mean = sum / n;
  return {mean, std::max(0.0, squares / n - mean * mean) + within / n};
}

}  // namespace switchyard
