// Loops whose turns run on the threads of an arena.
#pragma once

#include <tbb/blocked_range.h>
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

// body(i) for each i below n, each on some thread of the arena; returns when all are done. An exception of a body is
// thrown here.
template <class Body>
void parallel_for_each(tbb::task_arena& arena, std::size_t n, const Body& body) {
  HandOver out;
  HandOver back;
  const auto turns = [&](const tbb::blocked_range<std::size_t>& range) {
    out.take();
    for (std::size_t i = range.begin(); i < range.end(); ++i) body(i);
    back.give();
  };
  out.give();
  arena.execute([&] { tbb::parallel_for(tbb::blocked_range<std::size_t>(0, n, 1), turns, tbb::simple_partitioner()); });
  back.take();
}

}  // namespace switchyard
