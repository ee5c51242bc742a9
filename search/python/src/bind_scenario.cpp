#include <fmt/format.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "core/input/error.hpp"
#include "core/scenario/fields.hpp"
#include "search/cli/options.hpp"
#include "search/python/src/bind.hpp"
#include "search/python/src/experiment_of.hpp"

namespace nb = nanobind;

namespace switchyard::python {

namespace {

// Keywords are the names of flags with `_` for `-`.
std::string keyword(const ScenarioField& field) {
  std::string name = field.flag;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// Read as the command line reads them, so that both mean the same.
std::shared_ptr<HeldScenario> scenario_of(std::vector<std::string> words) {
  Options options("", "");
  options.scenario_flags();
  options.parse(words);
  return std::make_shared<HeldScenario>(options.scenario(), std::move(words));
}

template <class T>
using Column = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::shared_ptr<const Workload> workload_from(const Column<double>& arrived_at, const Column<std::int64_t>& prefill,
                                              const Column<std::int64_t>& decode) {
  const std::size_t size = arrived_at.shape(0);
  if (prefill.shape(0) != size || decode.shape(0) != size) {
    throw InputError(fmt::format("Workload: arrived_at has {} rows, num_prefill_tokens {}, num_decode_tokens {}", size,
                                 prefill.shape(0), decode.shape(0)));
  }
  std::vector<RawRequest> rows(size);
  for (std::size_t i = 0; i < size; ++i) {
    const double time = arrived_at.data()[i];
    if (!(time >= 0 && time <= kMaxArrivalSeconds) || (i > 0 && time < rows[i - 1].arrived_at_s)) {
      throw InputError(
          fmt::format("Workload: row {}: arrived_at is {}; seconds from 0 to {}, not decreasing, are wanted", i, time,
                      kMaxArrivalSeconds));
    }
    const auto tokens = [&](const char* name, std::int64_t value) {
      if (value < 1 || value > INT32_MAX / 4) {
        throw InputError(fmt::format("Workload: row {}: {} is {}; a whole number from 1 to {} is wanted", i, name,
                                     value, INT32_MAX / 4));
      }
      return static_cast<std::int32_t>(value);
    };
    rows[i] = {time, tokens("num_prefill_tokens", prefill.data()[i]), tokens("num_decode_tokens", decode.data()[i])};
  }
  return std::make_shared<Workload>(make_workload("rows from Python", rows));
}

// A column of the workload as an array that keeps it alive.
template <class T>
nb::object column(const std::shared_ptr<const Workload>& workload, const T* first, std::int64_t stride_bytes) {
  auto* keep = new std::shared_ptr<const Workload>(workload);
  nb::capsule owner(keep, [](void* p) noexcept { delete static_cast<std::shared_ptr<const Workload>*>(p); });
  const std::size_t shape[1] = {workload->size()};
  const std::int64_t strides[1] = {stride_bytes / std::int64_t(sizeof(T))};
  return nb::cast(nb::ndarray<nb::numpy, const T, nb::ndim<1>>(first, 1, shape, owner, strides));
}

}  // namespace

void bind_scenario(nb::module_& module) {
  nb::class_<HeldScenario>(module, "Scenario",
                           "Everything that a leaderboard ranks on, but the policy. Made by `switchyard.scenario`.")
      .def_prop_ro("name", [](const HeldScenario& held) { return held.scenario().name; })
      .def_prop_ro("seed", [](const HeldScenario& held) { return held.scenario().seed; })
      .def_prop_ro("train_seeds", [](const HeldScenario& held) { return held.scenario().train_seeds.seeds(); })
      .def_prop_ro("validation_seeds",
                   [](const HeldScenario& held) { return held.scenario().validation_seeds.seeds(); })
      .def_prop_ro("held_out_seeds", [](const HeldScenario& held) { return held.scenario().held_out_seeds.seeds(); })
      .def(
          "json", [](const HeldScenario& held) { return scenario_json(held.scenario()); },
          "Every field with its value, as a scenario file has them.")
      .def_prop_ro("_words", &HeldScenario::words)
      .def(
          "_workload",
          [](const HeldScenario& held, std::uint64_t seed) {
            const nb::gil_scoped_release released;
            return std::const_pointer_cast<Workload>(held.experiment().workload(seed));
          },
          nb::arg("seed"))
      .def("__repr__", [](const HeldScenario& held) { return fmt::format("<Scenario {}>", held.scenario().name); });
  module.def("_scenario", &scenario_of);
  module.def("scenario_names", &scenario_names, "The built-in scenarios.");
  module.def(
      "scenario_fields",
      [] {
        nb::dict fields;
        for (const ScenarioField& field : scenario_fields()) {
          fields[keyword(field).c_str()] = field.doc + "; " + describe_range(field);
        }
        return fields;
      },
      "The keywords of `scenario` with what they mean.");

  nb::class_<Workload>(module, "Workload", "Requests: when each arrives, its prompt and its output.")
      .def_static("_from_columns",
                  [](const Column<double>& arrived_at, const Column<std::int64_t>& prefill,
                     const Column<std::int64_t>& decode) {
                    return std::const_pointer_cast<Workload>(workload_from(arrived_at, prefill, decode));
                  })
      .def("__len__", &Workload::size)
      .def_prop_ro("source", [](const Workload& workload) { return workload.source; })
      .def_prop_ro(
          "arrived_at_ps",
          [](const std::shared_ptr<Workload>& w) {
            return column<Time>(w, &w->requests.data()->arrived_at, sizeof(QueuedRequest));
          },
          "Arrival, picoseconds, int64 (n,), not a copy.")
      .def_prop_ro(
          "num_prefill_tokens",
          [](const std::shared_ptr<Workload>& w) {
            return column<std::int32_t>(w, &w->requests.data()->num_prefill_tokens, sizeof(QueuedRequest));
          },
          "Prompt, tokens, int32 (n,), not a copy.")
      .def_prop_ro(
          "num_decode_tokens",
          [](const std::shared_ptr<Workload>& w) {
            return column<std::int32_t>(w, w->hidden.num_decode_tokens.data(), sizeof(std::int32_t));
          },
          "Output, tokens, int32 (n,), not a copy. No policy sees it.");
}

}  // namespace switchyard::python
