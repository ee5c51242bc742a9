// What ends replays before they are done: Ctrl-C, and the end of the interpreter.
#pragma once

#include <nanobind/nanobind.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

#include "core/cluster/watch.hpp"

namespace switchyard::python {

// The GIL let go of, as nanobind::gil_scoped_release does, and counted: at the end of the program those who are under
// way are told to stop and are waited for. A thread that wanted the GIL back later would never get it.
class Unlocked {
 public:
  Unlocked();  // throws SystemExit if the program ends
  ~Unlocked();
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

// Throws SystemExit if the program ends. Call it without the GIL, or with it.
void end_with_the_program();

// From atexit: nobody is to begin anything, those who are under way are to stop; waits for them half a
// minute at most.
void end_all();

// In a process that was just forked, which has one thread.
void nobody_is_under_way();

// Watches over replays that the thread which makes it has asked for, in this and in other threads, without the GIL.
// That thread looks for signals, twenty times a second; if a handler raises (Ctrl-C), the others stop as well.
class StopWatch final : public Watch {
 public:
  struct Stopped {};  // no std::exception: nobody may take it for a fault of a policy

  void look() override;

  // The same at once, from between two replays.
  void look_for_signals();

  // What look() threw in the asking thread, which may not be what comes out of a parallel loop first.
  const std::exception_ptr& reason() const { return reason_; }

 private:
  using Clock = std::chrono::steady_clock;

  const std::thread::id asker_ = std::this_thread::get_id();
  Clock::time_point looked_ = Clock::now();
  std::atomic<bool> stopped_ = false;
  std::exception_ptr reason_;
};

}  // namespace switchyard::python
