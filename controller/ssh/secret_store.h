#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "base/status.h"
#include "controller/ssh/blocking_pool.h"
#include "controller/ssh/event_loop.h"
#include "inventory/inventory.h"

namespace fleetsync::ssh {

// Reads one secret: a file's first line (refused when others can read the file), an environment
// variable, the first line that a command prints (by /bin/sh: the inventory's author wrote it).
// Blocks. Errors never hold a byte of it.
StatusOr<Secret> ReadSecret(const inventory::SecretSource& source);

// The secrets of a run: each source is read once, off the loop, however many hosts name it. Belongs
// to the loop's thread.
class SecretStore {
 public:
  using Result = StatusOr<std::shared_ptr<const Secret>>;
  using Callback = std::function<void(const Result&)>;

  SecretStore(EventLoop& loop, BlockingPool& pool) : loop_(loop), pool_(pool) {}
  SecretStore(const SecretStore&) = delete;
  SecretStore& operator=(const SecretStore&) = delete;

  // `callback` runs in the loop's thread, at once when the secret is there already.
  void Get(const inventory::SecretSource& source, Callback callback);

 private:
  struct Slot {
    bool there = false;
    Result result = absl::UnavailableError("not read yet");
    std::vector<Callback> waiting;
  };

  EventLoop& loop_;
  BlockingPool& pool_;
  // Shared with the pool's work, which may outlive this.
  std::map<std::pair<inventory::SecretSource::Kind, std::string>, std::shared_ptr<Slot>> slots_;
};

}  // namespace fleetsync::ssh
