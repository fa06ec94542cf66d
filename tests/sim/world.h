#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "agent/engine/engine.h"
#include "tests/sim/clock.h"
#include "tests/sim/network.h"

namespace fleetsync::sim {

struct WorldConfig {
  OscillatorConfig oscillator{};
  Duration ahead{};   // of the host's clock at the start
  Ppm left_behind{};  // its frequency then, as another program left it
  std::vector<Server> servers{};
  ntp::EngineConfig engine{};  // an engine with no source gets every server, as `source`
  ntp::SourceConfig source{.iburst = true};
  uint64_t seed = 1;
};

// One host with an engine that steers its clock, its servers and the network between: the only
// owner of time. The same seed gives the same history, bit for bit. Server N has the address
// 10.0.0.N and the name "ntpN".
class World {
 public:
  explicit World(WorldConfig config);

  // `on_second` is called at every whole second of true time.
  void RunFor(double seconds, const std::function<void()>& on_second = {});
  // What a shell does when the machine wakes.
  void Wake();
  // An operator's command to set the clock at once.
  Status SyncNow(const ntp::SyncLimits& limits);

  HostClock& clock() { return clock_; }
  double now() const { return clock_.true_seconds(); }
  ntp::Snapshot TakeSnapshot() const { return engine_.TakeSnapshot(clock_.Read()); }
  std::optional<ntp::Drift> LearnedDrift() const { return engine_.LearnedDrift(clock_.Read()); }
  int Requests() const;
  int CountNotes(ntp::Note::Kind kind) const;

  // Called when an answer arrives: what its two ways took.
  std::function<void(size_t server, double there, double back)> on_answer;

  std::vector<Server> servers{};
  std::vector<std::pair<double, ntp::Note>> notes;  // with true time
  std::vector<std::pair<double, Duration>> steps;
  std::optional<ntp::KernelSync> kernel;
  bool may_announce = true;  // false: the kernel does not know of leap seconds
  bool may_steer = true;     // false: the kernel refuses, as without CAP_SYS_TIME

  static ntp::Address AddressOf(size_t server);

 private:
  struct Exchange {
    ntp::SourceId source;
    size_t server;
    double there;
    double back = 0;
  };

  void Perform(const ntp::Actions& actions);
  void OnSend(const ntp::Send& send);
  void OnRequest(const ntp::Packet& request, Exchange exchange);
  void Deliver(double when, const ntp::Packet& packet, const Exchange& exchange);
  double NextTimer() const;

  Random random_;
  HostClock clock_;
  ntp::Engine engine_;
  uint64_t sequence_ = 0;  // packets of one instant arrive in the order in which they were sent
  std::map<std::pair<double, uint64_t>, std::function<void()>> events_;
};

}  // namespace fleetsync::sim
