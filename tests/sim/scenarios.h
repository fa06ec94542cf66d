#pragma once

#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace fleetsync::sim {

// A scenario, and what others reach in it: measured with chrony 4.3 and ntpsec 1.2.2 themselves
// under the network simulator clknetsim, medians of ten seeds. 0: not measured.
struct Scenario {
  std::string name{};
  std::string text{};
  WorldConfig world{};
  double hours = 24;
  double steady_from_hours = 8;
  struct Peer {
    double rms_us = 0;
    double settled_s = 0;      // below 1 ms and staying there
    double long_rms_us = 0;    // at polls 6 to 10
    double long_requests = 0;  // an hour, then
  };
  Peer chrony{};
  Peer ntpsec{};
};

std::vector<Scenario> AllScenarios();

// One run.
struct Outcome {
  double rms = 0;    // of the true offset in the steady part; seconds, as all here
  double ideal = 0;  // RMS of an ideal filter that saw the same answers
  double p95 = 0;
  double max = 0;
  double settled = 0;     // when it was last 1 ms off or more
  double requests = 0;    // an hour, in the steady part
  double bound_held = 0;  // part of all moments at which the error was within what was claimed
  double bound = 0;       // largest in the steady part
  double half_delay = 0;  // of the nearest honest server: half the median round trip
  std::vector<std::pair<double, double>> trace;  // true time, error; every 16 s

  // What the largest claim adds to half the delay, in RMS of the true offset.
  double ClaimRatio() const { return (bound - half_delay) / rms; }
};

Outcome Run(const Scenario& scenario, int8_t minpoll, int8_t maxpoll, uint64_t seed);

}  // namespace fleetsync::sim
