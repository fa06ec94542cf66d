#pragma once

#include <poll.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/engine/engine.h"
#include "agent/net/resolver.h"
#include "agent/net/udp_socket.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::daemon {

// An engine with its sockets and its resolver: waits with poll(), feeds the engine what happened
// and does what it asks for. One thread.
//
// Keeps to what interposing network simulators know: while every source is given as an address
// there is no descriptor in the set but sockets, and no other thread.
class EngineShell {
 public:
  using Log = std::function<void(const std::string&)>;

  EngineShell(ntp::EngineConfig config, uint64_t seed, Log log);

  Status Start();
  // Waits until something happened or `until` has come, and deals with it. `extra` are descriptors
  // of the caller, whose revents it reads afterwards. A signal ends the wait early.
  Status Turn(MonoTime until, std::span<pollfd> extra);
  ntp::Snapshot TakeSnapshot() const;

 private:
  void Perform(ntp::Actions actions);
  void DoSend(const ntp::Send& send);
  Status DoResolve(const ntp::Resolve& resolve);
  void DoNote(const ntp::Note& note) const;
  void OnReadable(size_t source);
  void OnResolverReadable();

  std::vector<std::string> names_;
  ntp::Engine engine_;
  Log log_;
  // One for each source; every request leaves from a fresh socket, so from another port and from
  // the address that the routes give it now.
  std::vector<std::optional<net::UdpSocket>> sockets_;
  std::optional<net::Resolver> resolver_;    // once a name is not an address
  std::vector<std::string> resolve_errors_;  // the last told for each source
};

}  // namespace fleetsync::daemon
