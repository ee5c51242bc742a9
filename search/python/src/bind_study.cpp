#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cmath>
#include <limits>
#include <memory>

#include "search/python/src/asked_elsewhere.hpp"
#include "search/python/src/bind.hpp"
#include "search/python/src/command_text.hpp"
#include "search/python/src/held_replay.hpp"
#include "search/python/src/stop.hpp"

namespace nb = nanobind;

namespace switchyard::python {

namespace {

// Threads of Python may share one: each call holds on to the exchange, so that close() in another thread ends it under
// nobody's feet.
class HeldStudy {
 public:
  HeldStudy(const std::string& command, const std::vector<std::string>& words)
      : exchange_(std::make_shared<Exchange>([=] { return run_command(command, words); })) {}
  ~HeldStudy() { close(); }

  using Question = std::tuple<std::size_t, std::string, std::uint64_t>;  // number, spec, seed

  std::vector<Question> ask(std::size_t most) {
    std::vector<Question> questions;
    waiting([&](Exchange& exchange) {
      for (const auto& [number, job] : exchange.ask(most)) questions.emplace_back(number, job.policy, job.seed);
    });
    return questions;
  }

  bool done() {
    bool is_done = false;
    waiting([&](Exchange& exchange) { is_done = exchange.done(); });
    return is_done;
  }

  std::string outcome() { return open()->outcome(); }

  void tell(std::size_t number, const HeldReplay& replay) {
    waiting([&](Exchange& exchange) {
      const Experiment& experiment = replay.scenario->experiment();
      ReplayResult result;
      result.summary = summarize(replay.replay, *replay.workload, experiment.cluster(), *replay.alone,
                                 exchange.limits());  // with the study's limits, which goodput counts by
      exchange.tell(number, std::move(result));
    });
  }

  void tell_figures(std::size_t number, const nb::dict& figures) {
    ReplayResult result;
    for (const SummaryField& field : summary_fields()) {
      const nb::object value =
          figures.contains(field.name.c_str()) ? figures[field.name.c_str()] : nb::borrow(nb::none());
      field.set(result.summary, value.is_none() ? std::numeric_limits<double>::quiet_NaN() : nb::cast<double>(value));
    }
    open()->tell(number, std::move(result));
  }

  void tell_failure(std::size_t number, const std::string& failure) {
    open()->tell(number, {.failure = failure.empty() ? "failed" : failure, .summary = {}});
  }

  void close() {
    std::shared_ptr<Exchange> exchange = std::move(exchange_);
    if (!exchange) return;
    const nb::gil_scoped_release released;  // also at the end of the program, where nobody is to begin anything
    exchange->give_up();
    exchange.reset();  // waits for the end of the search, unless another thread holds it, which then does
  }

 private:
  std::shared_ptr<Exchange> open() const {
    if (!exchange_) throw nb::value_error("this study is closed");
    return exchange_;
  }

  // Without the GIL, which the search may want.
  template <class Body>
  void waiting(const Body& body) {
    std::shared_ptr<Exchange> held = open();
    {
      const Unlocked unlocked;
      const std::shared_ptr<Exchange> exchange = std::move(held);  // let go of before the GIL is back
      body(*exchange);
    }
    open();  // throws if it was closed meanwhile
  }

  std::shared_ptr<Exchange> exchange_;  // changed only with the GIL
};

}  // namespace

void bind_study(nb::module_& module) {
  nb::class_<HeldStudy>(module, "_Study")
      .def(nb::init<const std::string&, const std::vector<std::string>&>(), nb::arg("command"), nb::arg("words"))
      .def("ask", &HeldStudy::ask, nb::arg("most"))
      .def("tell", &HeldStudy::tell, nb::arg("number"), nb::arg("replay"))
      .def("tell_figures", &HeldStudy::tell_figures, nb::arg("number"), nb::arg("figures"))
      .def("tell_failure", &HeldStudy::tell_failure, nb::arg("number"), nb::arg("failure"))
      .def("done", &HeldStudy::done)
      .def("outcome", &HeldStudy::outcome)
      .def("close", &HeldStudy::close);
}

}  // namespace switchyard::python
