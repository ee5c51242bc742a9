#pragma once

#include <exception>
#include <new>
#include <stdexcept>

namespace switchyard {

// The policy threw, or assigned what it may not: its own failure, whatever the cluster is like. What it threw is
// nested. Simulation::run throws it for anything but std::bad_alloc, which is nobody's failure.
class PolicyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A call of the policy. What it throws is its own failure; that there is no memory left is not.
template <class Call>
[[gnu::always_inline]] inline void by_policy(const Call& call) {
  try {
    call();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    std::throw_with_nested(PolicyError(error.what()));
  }
}

}  // namespace switchyard
