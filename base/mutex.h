#pragma once

#include <mutex>

// Clang checks these (-Wthread-safety); gcc ignores them.
#if defined(__clang__)
#define FS_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define FS_THREAD_ANNOTATION(x)
#endif
#define FS_GUARDED_BY(x) FS_THREAD_ANNOTATION(guarded_by(x))
#define FS_REQUIRES(x) FS_THREAD_ANNOTATION(requires_capability(x))

namespace fleetsync {

// std::mutex with annotations: absl::Mutex from Debian's library is reported by TSan without
// reason.
class FS_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void lock() FS_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() FS_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class FS_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) FS_THREAD_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() FS_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace fleetsync
