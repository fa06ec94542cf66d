#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/time.h"

namespace fleetsync::ssh {

// A few threads for what cannot be had without blocking: names, ssh -G, commands that print a
// password, signatures by an agent. Threads start when there is work for them.
class BlockingPool {
 public:
  using Work = std::function<void()>;

  explicit BlockingPool(size_t threads);
  // Drops what has not begun and waits for what has, for at most kGrace: a resolver cannot be
  // interrupted. Work that is still running then keeps its own data alive and ends unnoticed.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // `work` owns all it needs: it may outlive the pool.
  void Run(Work work);

  static constexpr Duration kGrace = std::chrono::milliseconds(500);

 private:
  struct State;
  static void Serve(const std::shared_ptr<State>& state);

  const size_t threads_;
  std::shared_ptr<State> state_;
};

}  // namespace fleetsync::ssh
