#include <nanobind/stl/function.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include <exception>
#include <mutex>

#include "search/python/src/asked_elsewhere.hpp"
#include "search/python/src/bind.hpp"
#include "search/python/src/stop.hpp"
#include "search/remote/pooled_evaluator.hpp"
#include "search/remote/wire.hpp"

namespace nb = nanobind;

namespace switchyard::python {

namespace {

// Workers behind an object in Python with size(), send(worker, batch) and receive() -> (worker, results or None).
class PythonPool final : public WorkerPool {
 public:
  explicit PythonPool(nb::object pool) : pool_(std::move(pool)), size_(nb::cast<std::size_t>(pool_.attr("size")())) {}
  ~PythonPool() override {
    const nb::gil_scoped_acquire held;
    pool_.reset();
  }

  std::size_t size() const override { return size_; }

  void send(std::size_t worker, const std::string& batch) override {
    end_with_the_program();
    const nb::gil_scoped_acquire held;
    pool_.attr("send")(worker, batch);
  }

  Answer receive() override {
    end_with_the_program();
    const nb::gil_scoped_acquire held;
    const nb::object answer = pool_.attr("receive")();
    const nb::object results = answer[1];
    const auto worker = nb::cast<std::size_t>(answer[0]);
    if (results.is_none()) return {.worker = worker, .results = "", .lost = true};
    return {.worker = worker, .results = nb::cast<std::string>(results)};
  }

 private:
  nb::object pool_;
  std::size_t size_;
};

// Threads of this process. The one that asked, which replays too, looks for Ctrl-C within replays and after each; then
// the others end theirs, too, and what was asked for together is not written down.
class Interruptible final : public Evaluator {
 public:
  Interruptible(const RequestLimits& limits, int threads) : inner_(limits, threads) {}

  std::string add(const Experiment& experiment) override { return inner_.add(experiment); }
  void remove(const std::string& key) override { inner_.remove(key); }
  std::vector<ReplayResult> run(std::span<const Job> jobs, const Progress& progress) override {
    StopWatch watch;
    inner_.set_watch(&watch);
    try {
      std::vector<ReplayResult> results = inner_.run(jobs, [&](std::size_t done, std::size_t total) {
        if (progress) progress(done, total);
        watch.look();
      });
      watch.look_for_signals();
      return results;
    } catch (const StopWatch::Stopped&) {
      std::rethrow_exception(watch.reason());
    }
  }

 private:
  ThreadEvaluator inner_;
};

// A Replayer that threads of Python may share: their batches are answered one after the other. What it holds changes
// with each experiment that it is sent, so two calls at once would free what the other replays.
class SharedReplayer {
 public:
  explicit SharedReplayer(int threads) : replayer_(threads) {}

  std::string answer(const std::string& batch) {
    const Unlocked unlocked;  // before the lock: who holds it may want the GIL
    const std::lock_guard lock(mutex_);
    return replayer_.answer(batch);
  }

 private:
  std::mutex mutex_;
  Replayer replayer_;
};

// Who replays for the commands of a process: threads, or a pool that was set.
std::shared_ptr<PythonPool>& pool_in_use() {
  static std::shared_ptr<PythonPool> pool;
  return pool;
}

void set_evaluator_maker_for_python() {
  set_evaluator_maker([](const RequestLimits& limits, int threads) -> std::unique_ptr<Evaluator> {
    if (auto asked = AskedElsewhere::of_this_thread(limits)) return asked;
    if (const auto pool = pool_in_use()) return std::make_unique<PooledEvaluator>(limits, pool);
    return std::make_unique<Interruptible>(limits, threads);
  });
}

}  // namespace

void bind_search(nb::module_& module) {
  set_evaluator_maker_for_python();
  module.def(
      "_replay_with",
      [](const nb::object& pool) { pool_in_use() = pool.is_none() ? nullptr : std::make_shared<PythonPool>(pool); },
      nb::arg("pool").none());
  module.def("_end_all", &end_all);
  module.def("_nobody_is_under_way", &nobody_is_under_way);
  module.def("_end_with_the_program", &end_with_the_program);
  module.def("_traffic", [] {
    nb::dict it;
    if (const auto pool = pool_in_use()) {
      const Traffic& traffic = pool->traffic;
      it["replays"] = traffic.replays;
      it["batches"] = traffic.batches;
      it["bytes_out"] = traffic.bytes_out;
      it["bytes_in"] = traffic.bytes_in;
      it["lost_batches"] = traffic.lost_batches;
      it["driver_s"] = traffic.driver_s;
    }
    return it;
  });

  nb::class_<SharedReplayer>(module, "_Replayer")
      .def(nb::init<int>(), nb::arg("threads"))
      .def("answer", &SharedReplayer::answer, nb::arg("batch"));
}

}  // namespace switchyard::python
