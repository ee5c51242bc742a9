// A router that places each request as it arrives on the replica with the least score.
#pragma once

#include "policies/compose/composed.hpp"
#include "policies/compose/least.hpp"
#include "policies/compose/waiting_blocks.hpp"
#include "policies/picking/ties.hpp"

namespace switchyard {

// Declares Scoring T (or Placement T) as a policy of its own, and binds its parameters.
template <class T>
class GreedyDeclaration : public ParamBindings<T, GreedyDeclaration<T>> {
 public:
  GreedyDeclaration(std::string name, std::string summary, std::string source) {
    info_.name = std::move(name);
    info_.summary = std::move(summary);
    info_.source = std::move(source);
  }

  // What decides between equal scores of a Scoring: the lowest id, if nothing else is said.
  GreedyDeclaration& ties(Ties rule) {
    ties_ = rule;
    return *this;
  }

  // The signals that it reads, and how often it polls those that are polled.
  GreedyDeclaration& reads(std::vector<Signal> signals, double interval_s = 0) {
    info_.signals = std::move(signals);
    info_.signal_interval = ticks_from_seconds(interval_s);
    return *this;
  }

  PolicyInfo done() {
    info_.params = std::move(this->params_);
    info_.make = [setters = std::move(this->setters_), ties = ties_,
                  name = info_.name](const ParamValues& values) -> std::unique_ptr<Policy> {
      auto made = std::make_unique<T>();
      GreedyDeclaration::apply(setters, *made, values);
      static_cast<void>(ties), static_cast<void>(name);  // of no use to a Placement
      std::unique_ptr<Placement> placement;
      if constexpr (std::is_base_of_v<Scoring, T>) {
        if (ties == Ties::first) {
          placement = std::make_unique<Least>(std::move(made));
        } else {
          placement = std::make_unique<LeastTied>(std::move(made), ties, name);
        }
      } else {
        placement = std::move(made);
      }
      return std::make_unique<Composed>(nullptr, std::vector<std::unique_ptr<Admission>>{}, std::move(placement));
    };
    return std::move(info_);
  }

 private:
  PolicyInfo info_;
  Ties ties_ = Ties::first;
};

template <class T>
GreedyDeclaration<T> greedy(std::string name, std::string summary, std::string source) {
  return {std::move(name), std::move(summary), std::move(source)};
}

inline double kv_use(const ReplicaState& state) {
  return static_cast<double>(state.blocks_used) / static_cast<double>(state.num_blocks);
}

}  // namespace switchyard
