// What the threads of a pool hand to each other, told to ThreadSanitizer. oneTBB orders these hand-overs, but Debian's
// libtbb.so is not built for the sanitizer, which therefore takes them for races. Nothing of this is in other builds.
#pragma once

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

// Everything done before give() is seen after a take() that follows it.
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

}  // namespace switchyard
