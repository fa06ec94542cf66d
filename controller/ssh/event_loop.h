#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::ssh {

// How other threads hand something to the loop's thread. May outlive the loop: what is posted then
// is dropped.
class Mailbox {
 public:
  explicit Mailbox(int event_fd) : event_fd_(event_fd) {}
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // From any thread: `task` runs in the loop's thread.
  void Post(std::function<void()> task);

 private:
  friend class EventLoop;
  std::vector<std::function<void()>> Take();

  const int event_fd_;
  Mutex mutex_;
  std::vector<std::function<void()>> tasks_ FS_GUARDED_BY(mutex_);
};

// epoll, timers on MonoTime and a mailbox for other threads. Belongs to one thread. Handlers may
// add and remove watches and timers, their own too.
class EventLoop {
 public:
  using WatchId = uint64_t;
  using TimerId = std::pair<MonoTime, uint64_t>;  // equal deadlines fire in order of creation
  using FdHandler = std::function<void(uint32_t events)>;  // EPOLLIN | EPOLLOUT | …
  using Task = std::function<void()>;

  static StatusOr<std::unique_ptr<EventLoop>> Create();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Level-triggered. The descriptor stays its owner's: Unwatch before closing it.
  StatusOr<WatchId> Watch(int fd, uint32_t events, FdHandler handler);
  void Change(WatchId id, uint32_t events);
  void Unwatch(WatchId id);

  TimerId At(MonoTime when, Task task);
  TimerId After(Duration delay, Task task) { return At(now_.mono + delay, std::move(task)); }
  void Cancel(TimerId id);

  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }

  // One turn: waits for at most `longest`, then runs what is due.
  void Turn(Duration longest);

  // The clocks as read at the begin of this turn.
  const Now& now() const { return now_; }

 private:
  struct WatchEntry {
    int fd = -1;
    uint32_t events = 0;
    std::shared_ptr<FdHandler> handler;  // shared: it survives its own Unwatch while it runs
  };

  EventLoop(int epoll_fd, int mail_fd)
      : epoll_fd_(epoll_fd), mailbox_(std::make_shared<Mailbox>(mail_fd)) {}
  int WaitMilliseconds(Duration longest) const;
  void RunTimers();

  const int epoll_fd_;
  const std::shared_ptr<Mailbox> mailbox_;
  Now now_{};
  uint64_t last_id_ = 0;
  std::unordered_map<WatchId, WatchEntry> watches_;
  std::map<TimerId, Task> timers_;
};

}  // namespace fleetsync::ssh
