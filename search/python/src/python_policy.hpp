// A policy written in Python, as the kernel calls it.
#pragma once

#include <nanobind/nanobind.h>

#include "core/api/policy.hpp"
#include "search/python/src/held_view.hpp"

namespace switchyard::python {

// Whether the object, or its class, says that it decides about prefill and decode where they are apart: by an attribute
// `knows_roles` that is true.
bool knows_roles(const nanobind::object& policy);

// Calls the methods that the object has; those it lacks cost nothing. Needs the GIL whenever it is called. What a
// method raises leaves the replay as it is (nanobind::python_error).
class PythonPolicy final : public Policy {
 public:
  // Throws a TypeError if the object has no schedule().
  explicit PythonPolicy(nanobind::object object);

  void start(const ClusterView& cluster, std::uint64_t seed) override;
  void on_arrival(const QueuedRequest& request) override;
  void on_prefilled(const QueuedRequest& request) override;
  void on_completion(const CompletedRequest& request) override;
  void on_loss(const CompletedRequest& request) override;
  void on_fleet(const ClusterView& cluster, std::int32_t replica) override;
  Subscription subscription() const override;
  void on_first_token(const FirstToken& token) override;
  void on_poll(const ClusterView& cluster, std::int32_t replica) override;
  void on_timer(const ClusterView& cluster) override;
  void on_kv_event(std::int32_t replica, KvEvent event, std::span<const BlockName> blocks) override;
  void schedule(ClusterView& cluster) override;

 private:
  // Bound methods, or none.
  nanobind::object start_, on_arrival_, on_prefilled_, on_completion_, on_loss_, on_fleet_, subscription_,
      on_first_token_, on_poll_, on_timer_, on_kv_event_, schedule_;
  nanobind::object cluster_;
  HeldView* held_ = nullptr;  // within cluster_
};

}  // namespace switchyard::python
