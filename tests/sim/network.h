#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "proto/ntp/packet.h"
#include "tests/sim/clock.h"

namespace fleetsync::sim {

// One way of a path. Seconds.
struct Way {
  double base = 0;
  double exponential = 0;  // mean of an exponential wait
  double normal = 0;       // standard deviation of a wait about `base`
  double loss = 0;         // probability
  double duplicates = 0;   // probability that a packet comes twice
  // Congestion: another exponential wait of mean `burst` during burst_length of every burst_period.
  double burst = 0;
  double burst_length = 0;
  double burst_period = 1;
  // A change of the route.
  double route_change = 0;  // added to the base
  double route_change_at = 0;

  // What a packet that leaves at `now` takes; nothing: it is lost.
  std::optional<double> Draw(double now, Random& random) const;
  bool IsCongested(double now) const;
  double Shortest(double now) const { return base + (now >= route_change_at ? route_change : 0); }
};

// A time server as the client sees it.
struct Server {
  Way there;
  Way back;
  double ahead = 0;  // of the truth
  double jump = 0;   // added to `ahead` later
  double jump_at = 0;
  uint8_t stratum = 1;
  Duration root_delay{};
  Duration root_dispersion{};
  double silent_from = 1e18;  // true seconds
  double silent_until = 1e18;
  // Last, with the true time: leap bits, a kiss, a smear.
  std::function<void(ntp::Packet&, double)> tamper{};

  int asked = 0;

  std::optional<ntp::Packet> Answer(const ntp::Packet& request, double now);
  // What its clock shows at that true time.
  SystemTime At(double now) const;
};

}  // namespace fleetsync::sim
