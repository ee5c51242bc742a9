#include <fmt/format.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <exception>

#include "core/cluster/policy_error.hpp"
#include "core/input/error.hpp"
#include "core/metrics/interference_free.hpp"
#include "policies/registry.hpp"
#include "results/run_folder.hpp"
#include "results/state_history.hpp"
#include "search/python/src/bind.hpp"
#include "search/python/src/held_replay.hpp"
#include "search/python/src/python_policy.hpp"
#include "search/python/src/stop.hpp"

namespace nb = nanobind;

namespace switchyard::python {

namespace {

struct Made {
  std::string name;  // canonical spec, or the class of a policy in Python
  RoutedBy routed;
  bool in_python = false;
  bool is_object = false;  // one in Python, which is one router's
};

std::string class_of(const nb::object& object) { return nb::cast<std::string>(object.type().attr("__name__")); }

// A policy for each router, the first of which was made already.
RoutedBy each_by(const nb::object& factory, nb::object first) {
  const bool roles = knows_roles(first);
  auto made = std::make_shared<nb::object>(std::move(first));
  return {.make = [factory, made]() -> std::unique_ptr<Policy> {
            nb::object policy = made->is_valid() ? std::move(*made) : factory();
            return std::make_unique<PythonPolicy>(std::move(policy));
          },
          .knows_roles = roles};
}

Made make_policy(const nb::object& policy) {
  if (nb::isinstance<nb::str>(policy)) {
    const auto spec = std::make_shared<const PolicySpec>(parse_policy(nb::cast<std::string>(policy), "policy"));
    RoutedBy routed = spec->routed();
    routed.make = [spec] { return spec->make(); };  // which keeps it
    return {.name = spec->text(), .routed = std::move(routed)};
  }
  if (nb::isinstance<nb::type_object>(policy) || (PyCallable_Check(policy.ptr()) && !nb::hasattr(policy, "schedule"))) {
    nb::object first = policy();
    std::string name = class_of(first);
    return {.name = std::move(name), .routed = each_by(policy, std::move(first)), .in_python = true};
  }
  const PythonPolicy has_schedule(policy);  // or a TypeError
  return {.name = class_of(policy),
          .routed = {.make = [policy] { return std::make_unique<PythonPolicy>(policy); },
                     .knows_roles = knows_roles(policy)},
          .in_python = true,
          .is_object = true};
}

Replay run(const HeldReplay& held, Made& made, StateSampler* sampler = nullptr) {
  std::optional<Unlocked> unlocked;
  StopWatch watch;
  std::optional<Watched> watched;
  if (!made.in_python) {  // else the interpreter looks for Ctrl-C while the policy runs
    unlocked.emplace();
    watched.emplace(&watch);
  }
  try {
    Simulation simulation;
    const ClusterConfig& cluster = held.scenario->experiment().cluster();
    if (cluster.routers.count > 1 && made.is_object) {
      throw InputError(
          fmt::format("policy: an object is one router's, and the scenario has {}; give its class, or a "
                      "function that makes one",
                      cluster.routers.count));
    }
    if (cluster.is_split() && !made.routed.knows_roles && made.in_python) {
      throw InputError(
          fmt::format("policy: {} ignores roles, and prefill and decode are apart in this scenario; one that decides "
                      "about them says so by its attribute knows_roles = True",
                      made.name));
    }
    return simulation.run(cluster, *held.workload, made.routed, held.seed, nullptr, sampler);
  } catch (const PolicyError& error) {
    std::rethrow_if_nested(error);  // what the policy raised, with its own traceback
    throw;
  }
}

std::shared_ptr<HeldReplay> replay(const std::shared_ptr<HeldScenario>& scenario, const nb::object& policy,
                                   std::uint64_t seed, const std::shared_ptr<Workload>& given) {
  auto held = std::make_shared<HeldReplay>();
  Made made = make_policy(policy);
  held->scenario = scenario;
  held->policy = made.name;
  held->seed = seed;
  {
    const Unlocked unlocked;
    const Experiment& experiment = scenario->experiment();
    if (given) check_fits(*given, experiment.cluster().kind(0).limits());
    held->workload = given ? std::shared_ptr<const Workload>(given) : experiment.workload(seed);
    held->alone = given
                      ? std::make_shared<const std::vector<Time>>(interference_free_times(experiment.cluster(), *given))
                      : experiment.alone(seed);
  }
  held->replay = run(*held, made);
  const Unlocked unlocked;
  held->summary = summarize(held->replay, *held->workload, scenario->experiment().cluster(), *held->alone);
  return held;
}

// What `switchyard run --out` writes. What replicas did over time takes another replay, which must be the same.
void write_run(const HeldReplay& held, const nb::object& policy, const std::string& path, bool force) {
  using Earlier = ResultFolder::Earlier;
  ResultFolder folder(path, force ? Earlier::replace : Earlier::refuse, "force=True replaces it");
  const Experiment& experiment = held.scenario->experiment();
  StateHistory states(experiment.scenario().replicas);
  Made made = make_policy(policy);
  const Replay again = run(held, made, &states);
  const ReplicaLimits& limits = experiment.cluster().kind(0).limits();
  if (request_metrics(*held.workload, again, limits) != request_metrics(*held.workload, held.replay, limits)) {
    throw InputError(held.policy + ": a second replay differs from the first: start() must make it forget everything");
  }
  write_run_folder(folder, experiment, *held.workload, held.replay, held.summary,
                   {held.policy, "leap", states.json(limits)});
}

// A column of the records as an array that keeps the replay alive.
template <class T, auto member>
nb::object record_column(const std::shared_ptr<HeldReplay>& held) {
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
      .def("request_metrics",
           [](const HeldReplay& it) {
             return request_metrics(*it.workload, it.replay, it.scenario->experiment().cluster().kind(0).limits());
           })
      .def("summary_json", [](const HeldReplay& it) { return summary_json(it.summary); })
      .def_prop_ro("arrived_at_ps", &record_column<Time, &RequestRecord::arrived_at>)
      .def_prop_ro("assigned_at_ps", &record_column<Time, &RequestRecord::assigned_at>)
      .def_prop_ro("scheduled_at_ps", &record_column<Time, &RequestRecord::scheduled_at>)
      .def_prop_ro("first_token_at_ps", &record_column<Time, &RequestRecord::prefill_completed_at>)
      .def_prop_ro("completed_at_ps", &record_column<Time, &RequestRecord::completed_at>)
      .def_prop_ro("execution_ps", &record_column<Time, &RequestRecord::execution>)
      .def_prop_ro("replica", &record_column<std::int32_t, &RequestRecord::replica>)
      .def_prop_ro("num_restarts", &record_column<std::int32_t, &RequestRecord::num_restarts>)
      .def_prop_ro("num_cached_tokens", &record_column<std::int32_t, &RequestRecord::num_cached_tokens>)
      .def_prop_ro("num_retries", &record_column<std::int16_t, &RequestRecord::num_retries>)
      .def_prop_ro("failed", &record_column<bool, &RequestRecord::failed>);
  module.def("_replay", &replay, nb::arg("scenario"), nb::arg("policy"), nb::arg("seed"),
             nb::arg("workload").none() = nb::none());
  module.def("_write_run", &write_run, nb::arg("replay"), nb::arg("policy"), nb::arg("folder"), nb::arg("force"));
}

}  // namespace switchyard::python
