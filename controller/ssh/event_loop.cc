#include "controller/ssh/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/clock_read.h"

namespace fleetsync::ssh {
namespace {

constexpr EventLoop::WatchId kMailbox = 0;

}  // namespace

Mailbox::~Mailbox() { close(event_fd_); }

void Mailbox::Post(std::function<void()> task) {
  {
    const MutexLock lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  const uint64_t one = 1;
  // Can only fail when the counter is full: then the loop is about to wake anyway.
  [[maybe_unused]] const ssize_t written = write(event_fd_, &one, sizeof one);
}

std::vector<std::function<void()>> Mailbox::Take() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(event_fd_, &count, sizeof count);
  std::vector<std::function<void()>> taken;
  const MutexLock lock(mutex_);
  taken.swap(tasks_);
  return taken;
}

StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create() {
  const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_fd < 0) return ErrnoStatus(errno, "creating the event loop");
  const int mail_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (mail_fd < 0) {
    const Status status = ErrnoStatus(errno, "creating the event loop");
    close(epoll_fd);
    return status;
  }
  std::unique_ptr<EventLoop> loop(new EventLoop(epoll_fd, mail_fd));
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kMailbox}};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, mail_fd, &event) != 0)
    return ErrnoStatus(errno, "creating the event loop");
  loop->now_ = ReadClocks();
  return loop;
}

EventLoop::~EventLoop() { close(epoll_fd_); }

StatusOr<EventLoop::WatchId> EventLoop::Watch(int fd, uint32_t events, FdHandler handler) {
  const WatchId id = ++last_id_;
  epoll_event event{.events = events, .data = {.u64 = id}};
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0)
    return ErrnoStatus(errno, "watching a descriptor");
  watches_.emplace(id, WatchEntry{.fd = fd,
                                  .events = events,
                                  .handler = std::make_shared<FdHandler>(std::move(handler))});
  return id;
}

void EventLoop::Change(WatchId id, uint32_t events) {
  const auto it = watches_.find(id);
  if (it == watches_.end() || it->second.events == events) return;
  it->second.events = events;
  epoll_event event{.events = events, .data = {.u64 = id}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, it->second.fd, &event);
}

void EventLoop::Unwatch(WatchId id) {
  const auto it = watches_.find(id);
  if (it == watches_.end()) return;
  // Fails harmlessly when the descriptor was closed by libssh: closing had removed it.
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, it->second.fd, nullptr);
  watches_.erase(it);
}

EventLoop::TimerId EventLoop::At(MonoTime when, Task task) {
  const TimerId id{when, ++last_id_};
  timers_.emplace(id, std::move(task));
  return id;
}

void EventLoop::Cancel(TimerId id) { timers_.erase(id); }

int EventLoop::WaitMilliseconds(Duration longest) const {
  Duration wait = longest;
  if (!timers_.empty())
    wait = std::clamp(timers_.begin()->first.first - ReadClocks().mono, Duration::zero(), longest);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
}

void EventLoop::Turn(Duration longest) {
  std::array<epoll_event, 128> events;
  const int count = epoll_wait(epoll_fd_, events.data(), static_cast<int>(events.size()),
                               WaitMilliseconds(longest));
  now_ = ReadClocks();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.u64 == kMailbox) {
      for (const Task& task : mailbox_->Take()) task();
      continue;
    }
    const auto it = watches_.find(event.data.u64);
    if (it == watches_.end()) continue;  // removed by an earlier handler of this turn
    const std::shared_ptr<FdHandler> handler = it->second.handler;
    (*handler)(event.events);
  }
  RunTimers();
}

void EventLoop::RunTimers() {
  while (!timers_.empty() && timers_.begin()->first.first <= now_.mono) {
    const Task task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    task();
  }
}

}  // namespace fleetsync::ssh
