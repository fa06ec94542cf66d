#pragma once

#include <poll.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/clock/clock.h"
#include "agent/clock/drift_file.h"
#include "agent/clock/null_clock.h"
#include "agent/daemon/clock_actions.h"
#include "agent/daemon/complaint.h"
#include "agent/engine/engine.h"
#include "agent/net/resolver.h"
#include "agent/net/udp_socket.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

struct ShellConfig {
  ntp::EngineConfig engine;
  uint64_t seed = 0;
  Log log;
  std::shared_ptr<Clock> clock = std::make_shared<NullClock>();  // what the engine sets
  std::optional<DriftFile> drift{};  // where what it learned is kept; none: nowhere
  net::Timestamping timestamping = net::Timestamping::kKernel;
  std::shared_ptr<ntp::Authenticator> keys{};  // for sources with a key; of this thread alone
};

// An engine with its sockets, its resolver and its clock: waits with poll(), feeds the engine what
// happened and does what it asks for. One thread.
//
// Keeps to what interposing network simulators know: while every source is given as an address
// there is no descriptor in the set but sockets, and no other thread.
class EngineShell {
 public:
  explicit EngineShell(ShellConfig config);

  Status Start();
  // Waits until something happened or `until` has come, and deals with it. `extra` are descriptors
  // of the caller, whose revents it reads afterwards. A signal ends the wait early.
  Status Turn(MonoTime until, std::span<pollfd> extra);
  ntp::Snapshot TakeSnapshot() const;
  // An operator's command to set the clock at once; how far it was and is off.
  struct Synced {
    Status status;
    Duration before{}, after{}, error_bound{};
  };
  Synced SyncNow(const ntp::SyncLimits& limits);
  // By how much the engine had the clock stepped since this was called last.
  Duration TakeSteps() { return std::exchange(stepped_, Duration::zero()); }
  // At a clean end: what was learned is kept, and a clock that was hurried runs as it should.
  void Stop();

 private:
  void Perform(ntp::Actions actions);
  void DoSend(const ntp::Send& send);
  Status DoResolve(const ntp::Resolve& resolve);
  void DoNote(const ntp::Note& note) const;
  void OnReady(size_t source, short events);
  void OnReadable(size_t source);
  void OnResolverReadable();

  struct Link {
    std::optional<net::UdpSocket> socket;
    uint64_t token = 0;  // of the request that left from it
  };

  std::vector<std::string> names_;
  bool slews_only_;
  ntp::Engine engine_;
  Log log_;
  ClockActions clock_actions_;
  Duration stepped_{};
  net::Timestamping timestamping_;
  // One for each source; every request leaves from a fresh socket, so from another port and from
  // the address that the routes give it now.
  std::vector<Link> links_;
  std::optional<net::Resolver> resolver_;    // once a name is not an address
  std::vector<std::string> resolve_errors_;  // the last told for each source
};

}  // namespace fleetsync::daemon
