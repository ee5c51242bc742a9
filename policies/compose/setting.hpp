// Named settings of `compose`.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/api/policy.hpp"

namespace switchyard {

// A policy that is a setting of compose: some parameters fixed, some exposed to the user, the others at compose's
// defaults.
//
//   setting("hra", "Head-Room Admission: ...", "arXiv 2510.27176")
//       .fix("order", "prompt").fix("admit", "growth").fix("place", "committed").fix("horizon", "0")
//       .expose({.name = "decode_ratio", .default_value = "0.6"})
//       .done()
//
// done() throws std::logic_error for a parameter or value that compose does not have, and for one that has no effect.
class Setting {
 public:
  struct Exposed {
    std::string name;                       // compose's
    std::string as = {};                    // what this policy calls it; "": as compose does
    std::string default_value = {};         // "": compose's
    std::vector<std::string> choices = {};  // of a choice, only these; {}: all
    std::string doc = {};                   // "": compose's
  };

  Setting(std::string name, std::string summary, std::string source);
  Setting& fix(std::string param, std::string value);
  Setting& expose(Exposed param);
  // The signals that it reads, and how often it polls those that are polled.
  Setting& reads(std::vector<Signal> signals, double interval_s = 0);
  PolicyInfo done();

 private:
  PolicyInfo info_;
  std::vector<std::pair<std::string, std::string>> fixed_;
  std::vector<Exposed> exposed_;
};

inline Setting setting(std::string name, std::string summary, std::string source = "") {
  return {std::move(name), std::move(summary), std::move(source)};
}

}  // namespace switchyard
