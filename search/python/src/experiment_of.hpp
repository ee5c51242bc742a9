// A scenario as Python holds it: the fields, and, once something is replayed, what is made of them.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/scenario/experiment.hpp"

namespace switchyard::python {

class HeldScenario {
 public:
  HeldScenario(Scenario scenario, std::vector<std::string> words)
      : scenario_(std::move(scenario)), words_(std::move(words)) {}

  const Scenario& scenario() const { return scenario_; }

  // The flags of the command line that describe it.
  const std::vector<std::string>& words() const { return words_; }

  // Made on first use. Thread-safe; call it without the GIL. Throws InputError.
  const Experiment& experiment() const {
    const std::lock_guard lock(mutex_);
    if (!experiment_) experiment_ = std::make_unique<Experiment>(scenario_);
    return *experiment_;
  }

 private:
  Scenario scenario_;
  std::vector<std::string> words_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<Experiment> experiment_;
};

}  // namespace switchyard::python
