#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "base/time.h"
#include "controller/serve/fleet_server.h"
#include "controller/serve/listen_address.h"
#include "controller/serve/prober.h"
#include "controller/serve/served_fleet.h"

namespace fleetsync::serve {

// Work beside the streams, on a thread of its own: runs until `stop`, and what it returns is
// logged.
using Companion = std::function<Status(const std::atomic<bool>& stop)>;

// Keeps ways open for hosts that cannot connect here, to where the service listens, as long as what
// it returns is there. Called at the start, and after the inventory was read again, when what it
// returned before is gone.
using OpenTunnels = std::function<std::shared_ptr<void>(const ListenAddress& bound)>;

struct ServeOptions {
  std::string listen = "127.0.0.1:7312";
  PlainText plain_text{};
  std::string port_file{};  // gets the bound port, for those who ask for port 0; empty: none
  std::string db_path{};
  std::string ca_folder{};  // made where there is none; not used in plain text
  // The inventory: at the start, and again at every SIGHUP.
  std::function<StatusOr<ServedFleet>()> load_fleet{};
  ConnectionLimits limits{};
  Companion relay{};      // null: none
  OpenTunnels tunnels{};  // null: none
  Probe probe{};          // of hosts without an agent; null: nobody asks them
  Duration probe_interval = std::chrono::minutes(5);
};

// The service: takes agents' reports into the store and answers operators until `stop` is set by a
// handler of SIGTERM or SIGINT, which is waited for with these two signals unblocked in this thread
// alone. SIGHUP reads the inventory again. Logs to standard error. InvalidArgument and
// FailedPrecondition for what the user asked for, else why it cannot start, or why it had to end
// (the store is damaged).
Status Serve(const ServeOptions& options, const std::atomic<bool>& stop);

}  // namespace fleetsync::serve
