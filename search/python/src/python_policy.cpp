#include "search/python/src/python_policy.hpp"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

namespace nb = nanobind;

namespace switchyard::python {

namespace {

nb::object method(const nb::object& object, const char* name) {
  if (!nb::hasattr(object, name)) return nb::none();
  nb::object found = object.attr(name);
  // The base class declares them all and does nothing: a call that does nothing need not be made.
  return nb::hasattr(found, "_does_nothing") ? nb::none() : found;
}

}  // namespace

bool knows_roles(const nb::object& policy) {
  if (!nb::hasattr(policy, "knows_roles")) return false;
  const int said = PyObject_IsTrue(nb::object(policy.attr("knows_roles")).ptr());
  if (said < 0) throw nb::python_error();
  return said > 0;
}

PythonPolicy::PythonPolicy(nb::object object)
    : start_(method(object, "start")),
      on_arrival_(method(object, "on_arrival")),
      on_prefilled_(method(object, "on_prefilled")),
      on_completion_(method(object, "on_completion")),
      on_loss_(method(object, "on_loss")),
      on_fleet_(method(object, "on_fleet")),
      subscription_(method(object, "subscription")),
      on_first_token_(method(object, "on_first_token")),
      on_poll_(method(object, "on_poll")),
      on_timer_(method(object, "on_timer")),
      on_kv_event_(method(object, "on_kv_event")),
      schedule_(method(object, "schedule")),
      cluster_(nb::cast(HeldView())) {
  if (schedule_.is_none()) {
    const std::string name = nb::cast<std::string>(nb::str(object.type().attr("__name__")));
    throw nb::type_error((name + " is no policy: it has no method schedule(self, cluster)").c_str());
  }
  held_ = nb::inst_ptr<HeldView>(cluster_);
}

void PythonPolicy::start(const ClusterView& cluster, std::uint64_t seed) {
  if (start_.is_none()) return;
  const HeldView::Call call(*held_, cluster, nullptr);
  start_(cluster_, seed);
}

void PythonPolicy::on_arrival(const QueuedRequest& request) {
  if (!on_arrival_.is_none()) on_arrival_(request);
}

void PythonPolicy::on_prefilled(const QueuedRequest& request) {
  if (!on_prefilled_.is_none()) on_prefilled_(request);
}

void PythonPolicy::on_completion(const CompletedRequest& request) {
  if (!on_completion_.is_none()) on_completion_(request);
}

void PythonPolicy::on_loss(const CompletedRequest& request) {
  if (!on_loss_.is_none()) on_loss_(request);
}

void PythonPolicy::on_fleet(const ClusterView& cluster, std::int32_t replica) {
  if (on_fleet_.is_none()) return;
  const HeldView::Call call(*held_, cluster, nullptr);
  on_fleet_(cluster_, replica);
}

Subscription PythonPolicy::subscription() const {
  if (subscription_.is_none()) return {};
  const nb::object wanted = subscription_();
  if (!nb::isinstance<Subscription>(wanted)) {
    throw nb::type_error("subscription() must return a Subscription");
  }
  return nb::cast<Subscription>(wanted);
}

void PythonPolicy::on_first_token(const FirstToken& token) {
  if (!on_first_token_.is_none()) on_first_token_(token);
}

void PythonPolicy::on_poll(const ClusterView& cluster, std::int32_t replica) {
  if (on_poll_.is_none()) return;
  const HeldView::Call call(*held_, cluster, nullptr);
  on_poll_(cluster_, replica);
}

void PythonPolicy::on_timer(const ClusterView& cluster) {
  if (on_timer_.is_none()) return;
  const HeldView::Call call(*held_, cluster, nullptr);
  on_timer_(cluster_);
}

void PythonPolicy::on_kv_event(std::int32_t replica, KvEvent event, std::span<const BlockName> blocks) {
  if (on_kv_event_.is_none()) return;
  on_kv_event_(replica, event == KvEvent::stored ? "stored" : "removed",
               std::vector<BlockName>(blocks.begin(), blocks.end()));
}

void PythonPolicy::schedule(ClusterView& cluster) {
  const HeldView::Call call(*held_, cluster, &cluster);
  schedule_(cluster_);
}

}  // namespace switchyard::python
