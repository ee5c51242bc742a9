#include "search/python/src/stop.hpp"

namespace nb = nanobind;

namespace switchyard::python {

namespace {

std::atomic<int> under_way = 0;
std::atomic<bool> program_ends = false;

[[noreturn]] void raise_exit() {
  PyErr_SetNone(PyExc_SystemExit);  // a thread ends by it without a word
  throw nb::python_error();
}

}  // namespace

Unlocked::Unlocked() : state_(nullptr) {
  ++under_way;  // before the look: either this sees the end, or end_all() sees this
  if (program_ends) {
    --under_way;
    raise_exit();
  }
  state_ = PyEval_SaveThread();
}

Unlocked::~Unlocked() {
  PyEval_RestoreThread(state_);
  --under_way;
}

void end_with_the_program() {
  if (!program_ends) return;
  const nb::gil_scoped_acquire held;
  raise_exit();
}

void end_all() {
  constexpr auto kPatience = std::chrono::seconds(30);  // a process that is being started is waited for, too
  program_ends = true;
  const nb::gil_scoped_release released;
  const auto begin = std::chrono::steady_clock::now();
  while (under_way > 0 && std::chrono::steady_clock::now() - begin < kPatience) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void nobody_is_under_way() { under_way = 0; }

void StopWatch::look() {
  end_with_the_program();
  if (stopped_) throw Stopped();
  if (std::this_thread::get_id() != asker_ || Clock::now() - looked_ < std::chrono::milliseconds(50)) return;
  look_for_signals();
}

void StopWatch::look_for_signals() {
  looked_ = Clock::now();
  const nb::gil_scoped_acquire held;
  if (PyErr_CheckSignals() == 0) return;
  try {
    throw nb::python_error();
  } catch (const nb::python_error&) {
    reason_ = std::current_exception();
    stopped_ = true;
    throw;
  }
}

}  // namespace switchyard::python
