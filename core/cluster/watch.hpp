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

// The looks of one run: one in 64 times that it could, a fraction of a millisecond, or what so many decisions take.
class Looks {
 public:
  void begin() { watch_ = watch_of_this_thread; }

  void now_and_then() {
    if (watch_ && --until_look_ == 0) look();
  }

 private:
  static constexpr int kTimesBetween = 64;

  [[gnu::noinline]] void look() {
    until_look_ = kTimesBetween;
    watch_->look();
  }

  Watch* watch_ = nullptr;
  int until_look_ = kTimesBetween;
};

}  // namespace switchyard
