// Whether what takes long is to go on, asked now and then in its midst: for callers that someone may stop.
#pragma once

namespace switchyard {

class Watch {
 public:
  virtual ~Watch() = default;

  // Called by the thread for which this watches, each few hundred events of a replay and before a workload is made.
  // What it throws ends that, and comes out of Simulation::run as it is.
  virtual void look() = 0;
};

// Who watches over this thread, if anybody does.
inline thread_local Watch* watch_of_this_thread = nullptr;

// Somebody does while this lives.
class Watched {
 public:
  explicit Watched(Watch* watch) : before_(watch_of_this_thread) { watch_of_this_thread = watch; }
  ~Watched() { watch_of_this_thread = before_; }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 private:
  Watch* before_;
};

}  // namespace switchyard
