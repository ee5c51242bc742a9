#include <fmt/format.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <span>

#include "core/input/error.hpp"
#include "core/scenario/fields.hpp"
#include "search/cli/options.hpp"
#include "search/python/src/bind.hpp"
#include "search/python/src/experiment_of.hpp"
#include "search/python/src/stop.hpp"

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

std::string row_of(std::size_t row, const std::string& what) { return fmt::format("Workload: row {}: {}", row, what); }

// What rows have in common: of row i the ids [begins[i], begins[i + 1]), each of as many tokens as `tokens` says.
struct Hashes {
  Column<std::int64_t> begins, ids, num_hashed;
  std::int32_t tokens = 0;
};

TraceContent content_from(const Hashes& hashes, std::vector<RawRequest>& rows) {
  TraceContent content;
  content.hash_id_tokens = hashes.tokens;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::span<const std::int64_t> ids(
        hashes.ids.data() + hashes.begins.data()[i],
        static_cast<std::size_t>(hashes.begins.data()[i + 1] - hashes.begins.data()[i]));
    const std::int64_t hashed = hashes.num_hashed.data()[i];
    const std::int64_t tokens = std::int64_t{rows[i].num_prefill_tokens} + rows[i].num_decode_tokens;
    const std::int64_t most = std::min<std::int64_t>(tokens, std::ssize(ids) * hashes.tokens);
    if (hashed < 0 || hashed > most) {
      throw InputError(row_of(i, fmt::format("num_hashed_tokens is {}; it has {} tokens, and {} ids of {} tokens",
                                             hashed, tokens, ids.size(), hashes.tokens)));
    }
    for (const std::int64_t id : ids) {
      if (id < 0) throw InputError(row_of(i, fmt::format("hash_ids has {}; whole numbers from 0 are wanted", id)));
    }
    if (hashed == 0) continue;
    rows[i].content = content.ids.add(ids);
    rows[i].num_hashed_tokens = static_cast<std::int32_t>(hashed);
  }
  return content;
}

// A closed loop: of row i the row before it whose completion it waits for, or -1, and how long after it, s; its
// session, or -1; how many sessions are under way at a time, or 0.
struct Loop {
  Column<std::int64_t> parents;
  Column<double> thinks;
  Column<std::int64_t> sessions;
  std::int32_t concurrency = 0;

  bool brings_about(std::size_t row) const { return concurrency > 0 || parents.data()[row] >= 0; }
};

void close_row(const Loop& loop, std::size_t i, RawRequest& row) {
  const std::int64_t parent = loop.parents.data()[i], session = loop.sessions.data()[i];
  const double think = loop.thinks.data()[i];
  if (parent < -1 || parent >= static_cast<std::int64_t>(i)) {
    throw InputError(row_of(i, fmt::format("parent is {}; a row before it, or -1, is wanted", parent)));
  }
  if (!(think >= 0 && think <= kMaxArrivalSeconds)) {
    throw InputError(
        row_of(i, fmt::format("think_s is {}; seconds from 0 to {} are wanted", think, kMaxArrivalSeconds)));
  }
  if (session < -1 || session > INT32_MAX) {
    throw InputError(
        row_of(i, fmt::format("session is {}; a number from 0 to {}, or -1, is wanted", session, INT32_MAX)));
  }
  row.parent = static_cast<std::int32_t>(parent);
  row.session = static_cast<std::int32_t>(session);
  row.think_s = think;
}

std::shared_ptr<Workload> workload_from(const Column<double>& arrived_at, const Column<std::int64_t>& prefill,
                                        const Column<std::int64_t>& decode, const std::optional<Hashes>& hashes,
                                        const std::optional<Loop>& loop, const std::vector<bool>& counted) {
  const std::size_t size = arrived_at.shape(0);
  if (prefill.shape(0) != size || decode.shape(0) != size) {
    throw InputError(fmt::format("Workload: arrived_at has {} rows, num_prefill_tokens {}, num_decode_tokens {}", size,
                                 prefill.shape(0), decode.shape(0)));
  }
  std::vector<RawRequest> rows(size);
  for (std::size_t i = 0; i < size; ++i) {
    const double before = i > 0 ? rows[i - 1].arrived_at_s : 0;
    const double time = loop && loop->brings_about(i) ? before : arrived_at.data()[i];
    if (!(time >= 0 && time <= kMaxArrivalSeconds) || time < before) {
      throw InputError(row_of(i, fmt::format("arrived_at is {}; seconds from 0 to {}, not decreasing, are wanted", time,
                                             kMaxArrivalSeconds)));
    }
    const auto tokens = [&](const char* name, std::int64_t value) {
      if (value < 1 || value > INT32_MAX / 4) {
        throw InputError(
            row_of(i, fmt::format("{} is {}; a whole number from 1 to {} is wanted", name, value, INT32_MAX / 4)));
      }
      return static_cast<std::int32_t>(value);
    };
    rows[i] = {time, tokens("num_prefill_tokens", prefill.data()[i]), tokens("num_decode_tokens", decode.data()[i])};
    if (loop) close_row(*loop, i, rows[i]);
    if (!counted.empty()) rows[i].counted = counted.at(i);
  }
  const TraceContent content = hashes ? content_from(*hashes, rows) : TraceContent();
  return std::make_shared<Workload>(make_workload("rows from Python", rows, content, loop ? loop->concurrency : 0));
}

// What arrives because something else has completed, as `Workload._from_columns` takes it; none if nothing does, and no
// sessions are known.
nb::object loop_of(const Workload& workload) {
  const auto has_session = [](const QueuedRequest& request) { return request.session >= 0; };
  if (workload.loop.empty() && std::none_of(workload.requests.begin(), workload.requests.end(), has_session)) {
    return nb::none();
  }
  std::vector<double> thinks(workload.size(), 0);
  nb::list parents, sessions;
  for (std::size_t row = 0; row < workload.size(); ++row) {
    parents.append(workload.loop.parent(row));
    sessions.append(workload.requests[row].session);
    if (workload.loop.empty()) continue;
    workload.loop.visit_next(static_cast<std::int32_t>(row), [&](std::int32_t next, Time think) {
      thinks[static_cast<std::size_t>(next)] = seconds_from_ticks(think);
    });
  }
  return nb::make_tuple(parents, thinks, sessions, workload.loop.concurrency());
}

// What requests have in common, as lists of ids that `Workload._from_columns` takes; none if nothing is known.
nb::object hashes_of(const Workload& workload) {
  const Content& content = workload.content;
  if (content.empty()) return nb::none();
  nb::list ids, hashed;
  for (std::size_t i = 0; i < workload.size(); ++i) {
    nb::list row;
    for (const Content::StoredRun& run : content.runs(i)) {
      for (std::uint32_t k = 0; k < run.count; ++k) row.append(run.first + k);
    }
    ids.append(row);
    hashed.append(content.num_hashed_tokens(i));
  }
  return nb::make_tuple(ids, hashed, content.hash_id_tokens());
}

// A column of the workload as an array that keeps it alive.
template <class T>
nb::object workload_column(const std::shared_ptr<const Workload>& workload, const T* first, std::int64_t stride_bytes) {
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
            const Unlocked unlocked;
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
      .def_static(
          "_from_columns",
          [](const Column<double>& arrived_at, const Column<std::int64_t>& prefill, const Column<std::int64_t>& decode,
             const nb::object& hashes, const nb::object& loop, const std::vector<bool>& counted) {
            using Whole = Column<std::int64_t>;
            std::optional<Hashes> its_hashes;
            std::optional<Loop> its_loop;
            if (!hashes.is_none()) {
              auto [begins, ids, num_hashed, tokens] = nb::cast<std::tuple<Whole, Whole, Whole, std::int32_t>>(hashes);
              its_hashes = Hashes{begins, ids, num_hashed, tokens};
            }
            if (!loop.is_none()) {
              auto [parents, thinks, sessions, concurrency] =
                  nb::cast<std::tuple<Whole, Column<double>, Whole, std::int32_t>>(loop);
              its_loop = Loop{parents, thinks, sessions, concurrency};
            }
            return workload_from(arrived_at, prefill, decode, its_hashes, its_loop, counted);
          },
          nb::arg("arrived_at"), nb::arg("num_prefill_tokens"), nb::arg("num_decode_tokens"),
          nb::arg("hashes").none() = nb::none(), nb::arg("loop").none() = nb::none(),
          nb::arg("counted") = std::vector<bool>())
      .def("_loop", &loop_of)
      .def_prop_ro("_counted", [](const Workload& workload) { return workload.counted; })
      .def("_hashes", &hashes_of)
      .def("__len__", &Workload::size)
      .def_prop_ro("source", [](const Workload& workload) { return workload.source; })
      .def_prop_ro(
          "arrived_at_ps",
          [](const std::shared_ptr<Workload>& w) {
            return workload_column<Time>(w, &w->requests.data()->arrived_at, sizeof(QueuedRequest));
          },
          "Arrival, picoseconds, int64 (n,), not a copy. Of a later turn, which a run brings about: the greatest "
          "number.")
      .def_prop_ro(
          "num_prefill_tokens",
          [](const std::shared_ptr<Workload>& w) {
            return workload_column<std::int32_t>(w, &w->requests.data()->num_prefill_tokens, sizeof(QueuedRequest));
          },
          "Prompt, tokens, int32 (n,), not a copy.")
      .def_prop_ro(
          "num_decode_tokens",
          [](const std::shared_ptr<Workload>& w) {
            return workload_column<std::int32_t>(w, w->hidden.num_decode_tokens.data(), sizeof(std::int32_t));
          },
          "Output, tokens, int32 (n,), not a copy. No policy sees it.");
}

}  // namespace switchyard::python
