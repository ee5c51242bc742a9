// The embedded scenarios, each made once in a process.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/scenario/experiment.hpp"

namespace switchyard {

inline const Experiment& experiment_of(const std::string& scenario) {
  static std::map<std::string, std::unique_ptr<Experiment>> all;
  auto& experiment = all[scenario];
  if (!experiment) experiment = std::make_unique<Experiment>(load_scenario(scenario));
  return *experiment;
}

}  // namespace switchyard
