#include <nanobind/stl/function.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>

#include "search/python/src/bind.hpp"
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
    const nb::gil_scoped_acquire held;
    pool_.attr("send")(worker, batch);
  }

  Answer receive() override {
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

// Threads of this process, which look for Ctrl-C whenever a list of jobs is done: within a second, as a rule.
class Interruptible final : public Evaluator {
 public:
  Interruptible(const RequestLimits& limits, int threads) : inner_(limits, threads) {}

  std::string add(const Experiment& experiment) override { return inner_.add(experiment); }
  void remove(const std::string& key) override { inner_.remove(key); }
  std::vector<ReplayResult> run(std::span<const Job> jobs, const Progress& progress) override {
    std::vector<ReplayResult> results = inner_.run(jobs, progress);
    const nb::gil_scoped_acquire held;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    return results;
  }

 private:
  ThreadEvaluator inner_;
};

void replay_with_threads() {
  set_evaluator_maker([](const RequestLimits& limits, int threads) -> std::unique_ptr<Evaluator> {
    return std::make_unique<Interruptible>(limits, threads);
  });
}

}  // namespace

void bind_search(nb::module_& module) {
  replay_with_threads();
  module.def(
      "_replay_with",
      [](const nb::object& pool) {
        if (pool.is_none()) return replay_with_threads();
        const auto workers = std::make_shared<PythonPool>(pool);
        set_evaluator_maker([workers](const RequestLimits& limits, int) -> std::unique_ptr<Evaluator> {
          return std::make_unique<PooledEvaluator>(limits, workers);
        });
      },
      nb::arg("pool").none());

  nb::class_<Replayer>(module, "_Replayer")
      .def(nb::init<int>(), nb::arg("threads"))
      .def(
          "answer",
          [](Replayer& replayer, const std::string& batch) {
            const nb::gil_scoped_release released;
            return replayer.answer(batch);
          },
          nb::arg("batch"));
}

}  // namespace switchyard::python
