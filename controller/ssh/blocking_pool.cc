#include "controller/ssh/blocking_pool.h"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace fleetsync::ssh {

struct BlockingPool::State {
  std::mutex mutex;
  std::condition_variable work_came, all_idle;
  std::deque<Work> queue;
  size_t started = 0, idle = 0;
  bool closing = false;
};

BlockingPool::BlockingPool(size_t threads) : threads_(threads), state_(std::make_shared<State>()) {}

BlockingPool::~BlockingPool() {
  std::unique_lock lock(state_->mutex);
  state_->queue.clear();
  state_->closing = true;
  state_->work_came.notify_all();
  state_->all_idle.wait_for(lock, kGrace, [this] { return state_->started == 0; });
}

void BlockingPool::Run(Work work) {
  bool start = false;
  {
    const std::lock_guard lock(state_->mutex);
    state_->queue.push_back(std::move(work));
    start = state_->idle < state_->queue.size() && state_->started < threads_;
    if (start) ++state_->started;
  }
  state_->work_came.notify_one();
  if (!start) return;
  // Signals are for the loop's thread, whose epoll_wait they interrupt.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([state = state_] { Serve(state); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void BlockingPool::Serve(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  for (;;) {
    ++state->idle;
    state->work_came.wait(lock, [&] { return state->closing || !state->queue.empty(); });
    --state->idle;
    if (state->queue.empty()) break;
    Work work = std::move(state->queue.front());
    state->queue.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it owned goes before the pool counts as idle
    lock.lock();
  }
  if (--state->started == 0) state->all_idle.notify_all();
}

}  // namespace fleetsync::ssh
