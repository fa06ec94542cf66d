#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "controller/ssh/connection.h"
#include "controller/ssh/conversation.h"
#include "controller/ssh/fleet.h"
#include "controller/ssh/run_context.h"
#include "inventory/inventory.h"

namespace fleetsync::tunnel {

struct ForwardOptions {
  uint16_t host_port = 7312;  // that each host listens on, at 127.0.0.1
  std::string to;             // where it leads to here: a numeric address
  uint16_t to_port = 0;
  // A lost connection is made again after a time that doubles from the first to the longest, half
  // as much again or as little, and begins anew when one has held for longer than the longest.
  Duration first_retry = std::chrono::seconds(1);
  Duration longest_retry = std::chrono::seconds(32);
  // A host that has said nothing for so long is asked; after three times as long it is lost.
  Duration keepalive = std::chrono::seconds(15);
  ssh::FleetOptions fleet;
};

// Told once for each change, in the thread that runs the forwards.
class Observer {
 public:
  virtual ~Observer() = default;
  // The host's port leads here now.
  virtual void OnForwarding(const inventory::Host& host) = 0;
  // It does not, or not for another reason than before. It is tried again on and on.
  virtual void OnFailed(const inventory::Host& host, const ssh::Failure& failure) = 0;
  // Connections from hosts reach the address here (0), or do not (errno).
  virtual void OnReachedHere(int error) = 0;
  // Each host has been tried once: `forwarding` of them listen.
  virtual void OnFirstRoundOver(size_t forwarding) = 0;
};

// Keeps a port open on each of several hosts that leads to an address here, over one SSH connection
// a host, all on one event loop. For hosts that cannot connect to us.
class ReverseForwards : private ssh::Connection::Owner {
 public:
  // `hosts` and `observer` outlive it. What concerns all hosts: an unreadable key (NotFound), an
  // address that is none (InvalidArgument).
  static StatusOr<std::unique_ptr<ReverseForwards>> Create(
      const std::vector<const inventory::Host*>& hosts, const ForwardOptions& options,
      Observer& observer);
  // Stops.
  ~ReverseForwards() override;
  ReverseForwards(const ReverseForwards&) = delete;
  ReverseForwards& operator=(const ReverseForwards&) = delete;

  // Either: in the calling thread until `stop` is set, by a signal handler or by another thread
  // that calls Wake then. A signal that interrupts nothing is seen within a second.
  void Run(const std::atomic<bool>& stop);
  void Wake();
  // Or: in a thread of its own, which takes no signals, until Stop. The observer is called there.
  void Start();
  void Stop();

 private:
  struct Line {
    const inventory::Host* host = nullptr;
    std::shared_ptr<ssh::Connection> connection = nullptr;
    Duration retry{};
    std::optional<MonoTime> forwarding_since{};
    std::string told{};  // the failure that is known
    bool tried = false, queued = false;
  };
  struct Bastion {
    size_t in_use = 0;
    std::deque<ssh::Connection*> waiting;
  };
  class Talk;

  ReverseForwards(std::shared_ptr<ssh::RunContext> context,
                  const std::vector<const inventory::Host*>& hosts, const ForwardOptions& options,
                  Observer& observer);

  void BeginMore();
  void Begin(Line& line);
  void Settle();
  void End();
  void TryAgain(Line& line);
  void OnTried(Line& line);
  void ReleaseBastion(ssh::Connection& connection);

  // From a host's conversation.
  void OnForwarding(Line& line, Now now);
  void OnDialed(int error);

  void OnStage(ssh::Connection&, ssh::Stage) override {}
  void OnNeedsBastion(ssh::Connection& connection, const std::string& bastion) override;
  void OnSetUp(ssh::Connection& connection) override;
  void OnEnded(ssh::Connection& connection) override;

  const std::shared_ptr<ssh::RunContext> context_;
  const ForwardOptions options_;
  Observer& observer_;
  std::map<std::string_view, Line> lines_;  // by host
  std::deque<Line*> queue_;                 // to begin when there is room
  std::map<const ssh::Connection*, Line*> setting_up_;
  std::map<std::string, Bastion> bastions_;
  std::map<const ssh::Connection*, std::string> bastion_places_;  // who holds or awaits one
  std::vector<std::shared_ptr<ssh::Connection>> ended_, lent_;
  size_t untried_ = 0;
  std::optional<int> last_dial_;
  bool ending_ = false;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace fleetsync::tunnel
