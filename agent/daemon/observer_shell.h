#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/daemon/complaint.h"
#include "agent/daemon/daemon_link.h"
#include "agent/daemon/program_output.h"
#include "agent/daemon/rival.h"
#include "agent/observe/asker.h"
#include "agent/observe/daemon_kind.h"
#include "agent/observe/daemon_state.h"
#include "base/time.h"

namespace fleetsync::daemon {

struct ObserverConfig {
  observe::Kind kind = observe::Kind::kNone;
  uint64_t seed = 0;  // of the numbers of requests: hard to guess
  Log log;
  std::string proc = "/proc";
  std::string chrony_socket = "/run/chrony/chronyd.sock";
  uint16_t chrony_port = 323;
  uint16_t ntp_port = 123;
};

// Asks this host's own time daemon, a round at a time, without blocking and without touching the
// clock: chronyd and ntpd by their own protocols over loopback (chronyd over its Unix socket, where
// this process may), openntpd and timesyncd by the program that comes with them. One thread.
class ObserverShell {
 public:
  explicit ObserverShell(ObserverConfig config);

  // Begins a round, unless one is under way. A round ends within a few seconds whatever the daemon
  // does.
  void Begin(Now now);
  bool busy() const { return asker_ || program_; }

  int fd() const;  // to wait for; -1: none
  MonoTime NextTimer() const;
  void OnReadable(Now now);
  void OnTimer(Now now);

  // What the last round that ended found. Without a daemon its name is empty.
  const observe::DaemonState& state() const { return state_; }

 private:
  observe::Kind Choose();
  std::vector<std::string> Places() const;
  StatusOr<DaemonLink> Connect(const std::string& place) const;
  bool TryNextPlace(Now now);
  void StartProgram(Now now);
  void SendRequests(Now now);
  void EndOfTry(Now now);
  void EndOfRound(observe::DaemonState state);

  ObserverConfig config_;
  std::optional<TimeProgram> found_;  // whom `auto` observes
  observe::Kind kind_ = observe::Kind::kNone;
  size_t place_ = 0;  // of those where this kind of daemon answers
  size_t tried_ = 0;  // places, in this round
  std::optional<DaemonLink> link_;
  std::optional<observe::Asker> asker_;
  std::optional<ProgramOutput> program_;
  observe::DaemonState state_;
  Complaint trouble_;
};

}  // namespace fleetsync::daemon
