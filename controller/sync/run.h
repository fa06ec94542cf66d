#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "controller/ssh/fleet.h"
#include "controller/sync/agents.h"
#include "controller/sync/host_result.h"
#include "controller/sync/reference.h"
#include "inventory/inventory.h"

namespace fleetsync::sync {

struct SyncAllOptions {
  std::vector<std::string> relays;   // --relay; empty: as the inventory says
  std::optional<Duration> max_step;  // over the inventory's
  bool allow_backward = false;
  bool force = false;
  bool dry_run = false;
  bool over_ssh = false;
  bool trust_controller_clock = false;
  std::string serial;   // "10", "25%", "": all at once
  size_t max_fail = 0;  // with `serial`: stop after a batch when more hosts than this have failed
  Duration timeout = std::chrono::seconds(60);  // of each command
  ssh::FleetOptions fleet;
  uint16_t ntp_port = 123;
  Agents* agents = nullptr;  // sets the clocks of hosts whose agents are connected; null: SSH alone
};

struct SyncAllReport {
  Reference reference;
  std::vector<RelayState> relays;
  std::vector<HostResult> hosts;  // as chosen
  std::vector<std::string> warnings;
  bool interrupted = false;
  bool stopped = false;  // after --max-fail
};

// Told as it happens, on the caller's thread.
class SyncObserver {
 public:
  virtual ~SyncObserver() = default;
  virtual void OnWarning(std::string_view text) = 0;
  virtual void OnStage(std::string_view host, std::string_view stage) = 0;
  virtual void OnHostDone(const HostResult& result) = 0;
};

// Sets every host's clock once. InvalidArgument: no server is named for any host, a malformed
// --serial; FailedPrecondition: no clock to measure by (see Judge); then no host was contacted.
StatusOr<SyncAllReport> RunSyncAll(const inventory::Inventory& inventory,
                                   const std::vector<const inventory::Host*>& hosts,
                                   const SyncAllOptions& options, SyncObserver& observer,
                                   const std::atomic<bool>& stop);

}  // namespace fleetsync::sync
