#include "tests/sim/drawn.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace fleetsync::sim {
namespace {

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  double Uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(random_() >> 11) * 0x1p-53;
  }
  double LogUniform(double low, double high) {
    return std::exp(Uniform(std::log(low), std::log(high)));
  }
  bool Chance(double probability) { return Uniform(0, 1) < probability; }

  OscillatorConfig Oscillator() {
    OscillatorConfig o{.frequency = Uniform(-100e-6, 100e-6), .wander = LogUniform(1e-10, 5e-8)};
    if (Chance(0.3)) {
      o.sine = LogUniform(1e-8, 1e-6);
      o.sine_period = LogUniform(3600, 86'400);
    }
    return o;
  }

  Server AServer(bool uneven) {
    Server server;
    const double base = LogUniform(50e-6, 60e-3);
    const double wait = base * LogUniform(0.005, 0.5);
    server.there.base = base;
    server.back.base = uneven ? base * Uniform(1, 1.5) : base;
    const bool normal = Chance(0.3);
    for (Way* way : {&server.there, &server.back}) {
      (normal ? way->normal : way->exponential) = normal ? std::min(wait, base / 4) : wait;
      if (Chance(0.3)) way->loss = Uniform(0, 0.25);
    }
    if (Chance(0.25)) {
      server.back.burst = base * LogUniform(1, 20);
      server.back.burst_period = LogUniform(1000, 20'000);
      server.back.burst_length = server.back.burst_period * Uniform(0, 0.4);
    }
    if (Chance(0.15)) {
      server.back.route_change = base * Uniform(0, 1);
      server.back.route_change_at = 6 * 3600;
    }
    return server;
  }

 private:
  Random random_;
};

}  // namespace

Scenario DrawScenario(uint64_t number) {
  Draw draw(number);
  Scenario s{.name = std::to_string(number), .hours = 12, .steady_from_hours = 4};
  s.world.oscillator = draw.Oscillator();
  s.world.ahead = FromSeconds(draw.Uniform(-2, 2));
  const int servers = static_cast<int>(draw.Uniform(1, 6));
  const bool uneven = draw.Chance(0.5);
  for (int i = 0; i < servers; ++i) s.world.servers.push_back(draw.AServer(uneven));
  if (servers >= 3 && draw.Chance(0.4)) s.world.servers[0].ahead = draw.Uniform(0.3, 3);
  return s;
}

Outcome RunDrawn(const Scenario& drawn, uint64_t number) {
  return Run(drawn, number % 2 == 0 ? 6 : 4, number % 4 < 2 ? 10 : 6, number);
}

}  // namespace fleetsync::sim
