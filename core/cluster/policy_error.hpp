#pragma once

#include <stdexcept>

namespace switchyard {

// The policy threw, or assigned what it may not: its own failure, whatever the cluster is like. What it threw is
// nested. Simulation::run throws it for anything but std::bad_alloc, which is nobody's failure.
class PolicyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace switchyard
