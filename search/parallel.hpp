// Loops whose turns run on the threads of an arena.
#pragma once

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <cstddef>

#if defined(__SANITIZE_THREAD__)
#define SWITCHYARD_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SWITCHYARD_THREAD_SANITIZER 1
#endif
#endif

#ifdef SWITCHYARD_THREAD_SANITIZER
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace switchyard {

// What threads hand to each other, told to ThreadSanitizer: everything done before give() is seen after a take() that
// follows it. oneTBB sees to that, but Debian's libtbb.so is not built for the sanitizer, which therefore takes it for
// races. Nothing of this is in other builds.
class HandOver {
 public:
#ifdef SWITCHYARD_THREAD_SANITIZER
  void give() { __tsan_release(this); }
  void take() { __tsan_acquire(this); }
#else
  void give() {}
  void take() {}
#endif
};

// Global: where they are is not itself handed over.
inline HandOver to_threads;
inline HandOver from_threads;

// So many threads, wherever this runs. By itself oneTBB gives no more than there are processors, and writes a warning
// to stderr if more are asked for.
class Arena {
 public:
  explicit Arena(int threads)
      : allowed_(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(threads)), arena_(threads) {}

  template <class Body>
  void execute(const Body& body) {
    arena_.execute(body);
  }

 private:
  tbb::global_control allowed_;
  tbb::task_arena arena_;
};

// body(i) for each i below n, each on some thread of the arena; returns when all are done. An exception of a body is
// thrown here.
template <class Body>
void parallel_for_each(Arena& arena, std::size_t n, const Body& body) {
  // In destructors: an exception hands over, too.
  struct Given {
    ~Given() { from_threads.give(); }
  };
  struct Taken {
    ~Taken() { from_threads.take(); }
  };
  const auto turn = [&](std::size_t i) {
    to_threads.take();
    const Given given;
    body(i);
  };
  const auto turns = [&] { tbb::parallel_for(std::size_t{0}, n, turn, tbb::simple_partitioner()); };
  to_threads.give();
  const Taken taken;
  arena.execute(turns);
}

}  // namespace switchyard
