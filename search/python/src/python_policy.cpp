#include "search/python/src/python_policy.hpp"

#include <nanobind/stl/string.h>

#include <string>

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

PythonPolicy::PythonPolicy(nb::object object)
    : start_(method(object, "start")),
      on_arrival_(method(object, "on_arrival")),
      on_completion_(method(object, "on_completion")),
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

void PythonPolicy::on_completion(const CompletedRequest& request) {
  if (!on_completion_.is_none()) on_completion_(request);
}

void PythonPolicy::schedule(ClusterView& cluster) {
  const HeldView::Call call(*held_, cluster, &cluster);
  schedule_(cluster_);
}

}  // namespace switchyard::python
