// A scenario as Python holds it: the fields, and, once something is replayed, what is made of them.
#pragma once

#include <memory>
#include <mutex>

#include "core/scenario/experiment.hpp"

namespace switchyard::python {

class HeldScenario {
 public:
  explicit HeldScenario(Scenario scenario) : scenario_(std::move(scenario)) {}

  const Scenario& scenario() const { return scenario_; }

  // Made on first use. Thread-safe; call it without the GIL. Throws InputError.
  const Experiment& experiment() const {
    const std::lock_guard lock(mutex_);
    if (!experiment_) experiment_ = std::make_unique<Experiment>(scenario_);
    return *experiment_;
  }

 private:
  Scenario scenario_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Experiment> experiment_;
};

}  // namespace switchyard::python
