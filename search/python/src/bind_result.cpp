#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <exception>

#include "core/cluster/policy_error.hpp"
#include "core/metrics/interference_free.hpp"
#include "policies/registry.hpp"
#include "results/run_folder.hpp"
#include "results/state_history.hpp"
#include "search/python/src/bind.hpp"
#include "search/python/src/experiment_of.hpp"
#include "search/python/src/python_policy.hpp"

namespace nb = nanobind;

namespace switchyard::python {

namespace {

struct HeldReplay {
  std::shared_ptr<HeldScenario> scenario;
  std::shared_ptr<const Workload> workload;
  std::string policy;
  std::uint64_t seed = 0;
  Replay replay;
  Summary summary;
};

std::shared_ptr<HeldReplay> replay(const std::shared_ptr<HeldScenario>& scenario, const nb::object& policy,
                                   std::uint64_t seed, const std::shared_ptr<Workload>& given) {
  auto result = std::make_shared<HeldReplay>();
  result->scenario = scenario;
  result->seed = seed;
  std::unique_ptr<Policy> made;
  if (nb::isinstance<nb::str>(policy)) {
    const PolicySpec spec = parse_policy(nb::cast<std::string>(policy), "policy");
    result->policy = spec.text();
    made = spec.make();
  } else {
    result->policy = nb::cast<std::string>(nb::str(policy.type().attr("__name__")));
    made = std::make_unique<PythonPolicy>(policy);
  }
  const bool in_python = !nb::isinstance<nb::str>(policy);
  std::optional<nb::gil_scoped_release> released(std::in_place);
  const Experiment& experiment = scenario->experiment();
  if (given) check_fits(*given, experiment.cluster().kind(0).limits());
  result->workload = given ? std::shared_ptr<const Workload>(given) : experiment.workload(seed);
  const auto alone =
      given ? std::make_shared<const std::vector<Time>>(interference_free_times(experiment.cluster(), *given))
            : experiment.alone(seed);
  if (in_python) released.reset();
  Simulation simulation;
  try {
    result->replay = simulation.run(experiment.cluster(), *result->workload, *made, seed);
  } catch (const PolicyError& error) {
    std::rethrow_if_nested(error);  // what the policy raised, with its own traceback
    throw;
  }
  result->summary = summarize(result->replay, *result->workload, experiment.cluster(), *alone);
  if (in_python) made.reset();  // its references are Python's
  released.reset();
  return result;
}

// A column of the records as an array that keeps the replay alive.
template <class T, auto member>
nb::object column(const std::shared_ptr<HeldReplay>& held) {
  auto* keep = new std::shared_ptr<HeldReplay>(held);
  nb::capsule owner(keep, [](void* p) noexcept { delete static_cast<std::shared_ptr<HeldReplay>*>(p); });
  static_assert(sizeof(RequestRecord) % sizeof(T) == 0);
  const std::size_t shape[1] = {held->replay.requests.size()};
  const std::int64_t strides[1] = {sizeof(RequestRecord) / sizeof(T)};
  const T* first = held->replay.requests.empty() ? nullptr : &(held->replay.requests.data()->*member);
  return nb::cast(nb::ndarray<nb::numpy, const T, nb::ndim<1>>(first, 1, shape, owner, strides));
}

}  // namespace

void bind_result(nb::module_& module) {
  nb::class_<HeldReplay>(module, "Replay", "What a replay left. See `switchyard.Result`.")
      .def_ro("scenario", &HeldReplay::scenario)
      .def_ro("policy", &HeldReplay::policy)
      .def_ro("seed", &HeldReplay::seed)
      .def_prop_ro("workload", [](const HeldReplay& it) { return std::const_pointer_cast<Workload>(it.workload); })
      .def("summary_json", [](const HeldReplay& it) { return summary_json(it.summary); })
      .def_prop_ro("assigned_at_ps", &column<Time, &RequestRecord::assigned_at>)
      .def_prop_ro("scheduled_at_ps", &column<Time, &RequestRecord::scheduled_at>)
      .def_prop_ro("first_token_at_ps", &column<Time, &RequestRecord::prefill_completed_at>)
      .def_prop_ro("completed_at_ps", &column<Time, &RequestRecord::completed_at>)
      .def_prop_ro("execution_ps", &column<Time, &RequestRecord::execution>)
      .def_prop_ro("replica", &column<std::int32_t, &RequestRecord::replica>)
      .def_prop_ro("num_restarts", &column<std::int32_t, &RequestRecord::num_restarts>);
  module.def("_replay", &replay, nb::arg("scenario"), nb::arg("policy"), nb::arg("seed"),
             nb::arg("workload").none() = nb::none());
}

}  // namespace switchyard::python
