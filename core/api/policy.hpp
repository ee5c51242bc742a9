// The policy: the global scheduler of the cluster. It is called at each arrival and after each batch in which a
// request completed, and may assign any queued requests to replicas or hold them. This header and those it includes
// are all that a policy may use of core.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/api/batch_time.hpp"
#include "core/api/cluster_view.hpp"
#include "core/api/params.hpp"
#include "core/api/views.hpp"

namespace switchyard {

class Policy {
 public:
  virtual ~Policy() = default;

  // Called before each replay; a policy must forget everything here. `seed` feeds its random stream, if it has one.
  virtual void start(const ClusterView& cluster, std::uint64_t seed) = 0;

  // A request has joined the global queue (the policy call follows).
  virtual void on_arrival(const QueuedRequest&) {}

  // A request has completed (the policy call follows).
  virtual void on_completion(const CompletedRequest&) {}

  // Decide. Called only while the queue holds requests. cluster.assign() takes effect at once: views show it.
  virtual void schedule(ClusterView& cluster) = 0;

  // For timelines: what schedule() weighed when it placed `request`, one number a replica, the lowest of them the best
  // (NaN: not eligible). Asked only in replays that are watched, within schedule(), just before the placement takes
  // effect; so it costs nothing otherwise. Leave `scores` empty if the decision is not a matter of scores.
  virtual void scores(const ClusterView& /*cluster*/, const QueuedRequest& /*request*/,
                      std::vector<double>& /*scores*/) const {}
};

// What is known of a policy before it is made: everything that help, docs and search need.
struct PolicyInfo {
  std::string name;
  std::string summary;  // one or two sentences
  std::string source;   // paper or system that it comes from, or ""
  std::vector<ParamSpec> params;
  bool clairvoyant = false;  // knows output lengths: a reference, never deployable
  std::function<std::unique_ptr<Policy>(const ParamValues&)> make;
};

// Declares a policy type P and binds each parameter to a data member of P:
//
//   static PolicyInfo info() {
//     return describe<Hra>("hra", "Head-Room Admission: ...", "arXiv 2510.27176")
//         .real(&Hra::decode_ratio_, "decode_ratio", 0.6, 0.0, 4.0, ParamScale::linear, "expected output / prompt")
//         .done();
//   }
template <class P>
class PolicyDeclaration {
 public:
  PolicyDeclaration(std::string name, std::string summary, std::string source) {
    info_.name = std::move(name);
    info_.summary = std::move(summary);
    info_.source = std::move(source);
  }

  PolicyDeclaration& real(double P::*member, std::string name, double default_value, double low, double high,
                          ParamScale scale, std::string doc) {
    return add({.name = std::move(name),
                .type = ParamType::real,
                .default_value = default_value,
                .low = low,
                .high = high,
                .scale = scale,
                .doc = std::move(doc)},
               [member](P& policy, double value) { policy.*member = value; });
  }

  PolicyDeclaration& integer(std::int32_t P::*member, std::string name, std::int32_t default_value, std::int32_t low,
                             std::int32_t high, ParamScale scale, std::string doc) {
    return add({.name = std::move(name),
                .type = ParamType::integer,
                .default_value = double(default_value),
                .low = double(low),
                .high = double(high),
                .scale = scale,
                .doc = std::move(doc)},
               [member](P& policy, double value) { policy.*member = static_cast<std::int32_t>(value); });
  }

  // Enum is an enumeration whose enumerators 0, 1, ... stand for the choices in order.
  template <class Enum>
  PolicyDeclaration& choice(Enum P::*member, std::string name, std::vector<std::string> choices, Enum default_value,
                            std::string doc) {
    const double last = double(choices.size()) - 1;
    return add({.name = std::move(name),
                .type = ParamType::choice,
                .default_value = double(static_cast<int>(default_value)),
                .low = 0,
                .high = last,
                .choices = std::move(choices),
                .doc = std::move(doc)},
               [member](P& policy, double value) { policy.*member = static_cast<Enum>(static_cast<int>(value)); });
  }

  // The parameter declared last matters only while choice `name` has one of `values`.
  PolicyDeclaration& only_if(std::string name, std::vector<std::string> values) {
    info_.params.back().active_if = std::move(name);
    info_.params.back().active_values = std::move(values);
    return *this;
  }

  PolicyInfo done() {
    info_.make = [setters = setters_](const ParamValues& values) -> std::unique_ptr<Policy> {
      auto policy = std::make_unique<P>();
      for (std::size_t i = 0; i < setters.size(); ++i) setters[i](*policy, values[i]);
      return policy;
    };
    return std::move(info_);
  }

 private:
  PolicyDeclaration& add(ParamSpec param, std::function<void(P&, double)> setter) {
    info_.params.push_back(std::move(param));
    setters_.push_back(std::move(setter));
    return *this;
  }

  PolicyInfo info_;
  std::vector<std::function<void(P&, double)>> setters_;
};

template <class P>
PolicyDeclaration<P> describe(std::string name, std::string summary, std::string source = "") {
  return {std::move(name), std::move(summary), std::move(source)};
}

}  // namespace switchyard
