#pragma once

#include <string>
#include <vector>

#include "agent/daemon/engine_shell.h"
#include "agent/daemon/observer_shell.h"
#include "agent/engine/snapshot.h"
#include "agent/observe/doubt.h"
#include "agent/report/event_watch.h"
#include "base/time.h"

namespace fleetsync::daemon {

// What a report is made of.
struct HostState {
  ntp::Snapshot snapshot;
  std::string daemon;
  std::vector<v1::Event> events;
};

// Watches this host's clock, our own engine and, where another program keeps the clock, that
// program; says what there is to report, and when that cannot wait. One thread.
class HostWatch {
 public:
  // `own_daemon`: who keeps the clock while no other program is observed: "agent", or empty.
  HostWatch(ObserverConfig observer, std::string own_daemon);

  void Start(Now now) { events_.OnStart(now); }

  int fd() const { return observer_.fd(); }  // to wait for; -1: none
  MonoTime NextTimer() const;
  // After every wait. `readable`: fd() is.
  void OnTurn(Now now, bool readable, EngineShell& shell);

  bool urgent() const { return events_.urgent(); }
  // A report takes a round of questions to the daemon first: begins it.
  void BeginReport(Now now) { observer_.Begin(now); }
  bool ready() const { return !observer_.busy(); }
  HostState TakeState(Now now, EngineShell& shell);

 private:
  void LookAtTheClock(Now now, EngineShell& shell);
  ntp::Snapshot Believed(const ntp::Snapshot& measured);
  std::string Keeper() const;

  bool observes_;
  ObserverShell observer_;
  std::string own_daemon_;
  report::EventWatch events_;
  observe::Doubt doubt_;
  MonoTime next_look_{};
};

}  // namespace fleetsync::daemon
