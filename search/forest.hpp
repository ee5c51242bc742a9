// A random forest (Breiman 2001) over the settings of a policy: what the search believes of settings that it has not
// run, and what parameter importance is read from.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/api/params.hpp"

namespace switchyard {

struct Prediction {
  double mean = 0;
  double variance = 0;  // between trees and within leaves (Hutter, Hoos, Leyton-Brown 2011)
};

struct ForestOptions {
  int trees = 20;
  std::size_t leaf = 3;        // fewest samples in a leaf
  double feature_share = 0.6;  // of the parameters that a split may choose from
  std::uint64_t seed = 1;
};

class Forest {
 public:
  // One target a setting; at least one setting. Numbers split at a threshold along their axis, choices into any two
  // groups (at most 64 choices). A parameter that does not matter is a value of its own. The same bytes on every run.
  Forest(const std::vector<ParamSpec>& params, const std::vector<ParamValues>& settings,
         const std::vector<double>& targets, const ForestOptions& options = {});

  Prediction predict(const ParamValues& values) const;

 private:
  struct Node {
    std::int32_t feature = -1;  // -1: a leaf
    std::int32_t left = 0, right = 0;
    double threshold = 0;     // left if at most
    std::uint64_t group = 0;  // choices that go left
    bool choice = false;
    double mean = 0, variance = 0;  // of a leaf
  };
  using Tree = std::vector<Node>;

  std::vector<double> encode(const ParamValues& values) const;
  Tree grow(const std::vector<std::vector<double>>& rows, const std::vector<double>& targets,
            const ForestOptions& options, std::uint64_t number) const;

  std::vector<ParamSpec> params_;
  std::vector<Tree> trees_;
};

}  // namespace switchyard
