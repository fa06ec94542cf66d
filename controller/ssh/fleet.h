#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "controller/ssh/conversation.h"
#include "inventory/inventory.h"

namespace fleetsync::ssh {

struct FleetOptions {
  size_t forks = 64;          // connections being set up at once (handshake to ready)
  size_t max_sessions = 512;  // connections open at once
  Duration connect_deadline = std::chrono::seconds(10);  // resolve to host key
  Duration authenticate_deadline = std::chrono::seconds(30);
  int connect_retries = 1;  // for connects only, with backoff
  size_t sessions_per_bastion = 8;
  bool accept_new_host_keys = false;
  bool use_ssh_config = true;   // effective values from `ssh -G`, where ssh is installed
  std::string ssh_config_file;  // empty: ssh's own default
};

// What became of one host's connection; called on the caller's thread, as it happens.
class FleetObserver {
 public:
  virtual ~FleetObserver() = default;
  virtual void OnStage(const inventory::Host& host, Stage stage) = 0;
  // `failure` is null when the conversation ended by Done.
  virtual void OnHostDone(const inventory::Host& host, Conversation& conversation,
                          const Failure* failure) = 0;
  // While hosts are being worked on: after each turn of the loop, at least every 100 ms.
  virtual void OnTurn(Now /*now*/) {}
};

// Runs one conversation on each host over one event loop in the calling thread and returns when all
// are done. `make` is called once a host when its turn comes; the conversation lives until its
// OnHostDone has returned. When `stop` becomes true (a signal handler may set it), hosts not begun
// fail with kInterrupted and running ones are closed. InvalidArgument/NotFound for what concerns
// all hosts (an unreadable key named for all); one host's trouble is never another's.
Status RunFleet(const std::vector<const inventory::Host*>& hosts, const FleetOptions& options,
                const std::function<std::unique_ptr<Conversation>(const inventory::Host&)>& make,
                FleetObserver& observer, const std::atomic<bool>& stop);

}  // namespace fleetsync::ssh
