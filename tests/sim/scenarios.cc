#include "tests/sim/scenarios.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/sim/ideal.h"

namespace fleetsync::sim {
namespace {

using std::chrono::milliseconds;

Server Honest(double base, double exponential) {
  const Way way{.base = base, .exponential = exponential};
  return {.there = way, .back = way};
}

Scenario Make(std::string name, std::string text, double wander, std::vector<Server> servers) {
  Scenario s{
      .name = std::move(name), .text = std::move(text), .world = {.servers = std::move(servers)}};
  s.world.oscillator = {.frequency = 10e-6, .wander = wander};
  s.world.ahead = -milliseconds(10);
  return s;
}

Scenario Lan() {
  Scenario s = Make("lan", "each way 100 us + 10 us exponential; wander 1e-9", 1e-9,
                    {Honest(100e-6, 10e-6)});
  s.chrony = {5.7, 7, 24.7, 11};
  s.ntpsec = {15.6, 380, 268, 3};
  return s;
}

Scenario Wan() {
  Scenario s =
      Make("wan", "each way 10 ms + 1 ms exponential; wander 1e-8", 1e-8, {Honest(10e-3, 1e-3)});
  s.chrony = {220, 7, 954, 4};
  s.ntpsec = {219, 2124, 2470, 3};
  return s;
}

Scenario Wan4() {
  Scenario s = Make("wan4", "four servers, each as wan; wander 1e-9", 1e-9,
                    std::vector<Server>(4, Honest(10e-3, 1e-3)));
  s.chrony = {63, 7, 636, 14};
  s.ntpsec = {102, 1014, 449, 14};
  return s;
}

Scenario False5() {
  Scenario s = Make("false5", "five servers 1 ms + 100 us exponential, one of them 100 ms ahead",
                    1e-9, std::vector<Server>(5, Honest(1e-3, 100e-6)));
  s.world.servers[0].ahead = 0.1;
  s.hours = 12;
  s.steady_from_hours = 4;
  s.chrony = {21, 7, 142, 18};
  s.ntpsec = {18, 393, 413, 17};
  return s;
}

Scenario Start() {
  Scenario s = Make("start", "1 ms + 100 us exponential; 100 ppm and 0.5 s off at the start", 1e-9,
                    {Honest(1e-3, 100e-6)});
  s.world.oscillator.frequency = 100e-6;
  s.world.ahead = -milliseconds(500);
  s.hours = 4;
  s.steady_from_hours = 2;
  s.chrony = {23, 74, 139, 4};
  s.ntpsec = {22, 426, 148, 10};
  return s;
}

Scenario Burst() {
  Scenario s = Make("burst", "5 ms + 200 us exponential; the way back +30 ms in 600 s of each hour",
                    1e-9, {Honest(5e-3, 200e-6)});
  Way& back = s.world.servers[0].back;
  back.burst = 30e-3;
  back.burst_length = 600;
  back.burst_period = 3600;
  s.chrony = {37, 655, 190, 4};
  s.ntpsec = {292, 4932, 346, 3};
  return s;
}

std::vector<Scenario> Others() {
  std::vector<Scenario> all;
  all.push_back(Make("lan, normal", "waits spread normally, 10 us", 1e-9, {Honest(150e-6, 0)}));
  for (Way* way : {&all[0].world.servers[0].there, &all[0].world.servers[0].back})
    way->normal = 10e-6;
  all.push_back(Make("lan, sine", "temperature: 1 ppm up and down in two hours", 1e-10,
                     {Honest(100e-6, 10e-6)}));
  all[1].world.oscillator.sine = 1e-6;
  all[1].world.oscillator.sine_period = 7200;
  all.push_back(Make("lan, poor crystal", "wander 1e-8", 1e-8, {Honest(100e-6, 10e-6)}));
  all.push_back(Make("lan, good crystal", "wander 1e-10", 1e-10, {Honest(100e-6, 10e-6)}));
  all.push_back(Make("wan, loss", "a fifth of the packets lost each way, some doubled", 1e-9,
                     {Honest(10e-3, 1e-3)}));
  for (Way* way : {&all[4].world.servers[0].there, &all[4].world.servers[0].back})
    way->loss = 0.2, way->duplicates = 0.1;
  all.push_back(Make("mixed", "a server in the LAN and two in the WAN", 1e-9,
                     {Honest(100e-6, 10e-6), Honest(10e-3, 1e-3), Honest(20e-3, 2e-3)}));
  all.push_back(Make("burst there", "as burst, on the way there", 1e-9, {Honest(5e-3, 200e-6)}));
  Way& there = all[6].world.servers[0].there;
  there.burst = 30e-3;
  there.burst_length = 600;
  there.burst_period = 3600;
  return all;
}

}  // namespace

std::vector<Scenario> AllScenarios() {
  std::vector<Scenario> all{Lan(), Wan(), Wan4(), False5(), Start(), Burst()};
  for (Scenario& s : Others()) all.push_back(std::move(s));
  return all;
}

namespace {

// Of an answer's offset, for one who knows the network: see IdealFilter.
double KnownVariance(const Server& server, double there, double back, double now) {
  const double waited = there + back - server.there.Shortest(now) - server.back.Shortest(now);
  if (server.there.IsCongested(now) || server.back.IsCongested(now)) return waited * waited / 4;
  const double normal =
      (server.there.normal * server.there.normal + server.back.normal * server.back.normal) / 4;
  return (normal > 0 ? normal : waited * waited / 12) + 1e-18;
}

// Of the lists that are not empty.
double LeastMedian(std::vector<std::vector<double>>& lists) {
  double least = std::numeric_limits<double>::infinity();
  for (std::vector<double>& list : lists) {
    if (list.empty()) continue;
    const auto middle = list.begin() + static_cast<std::ptrdiff_t>(list.size() / 2);
    std::nth_element(list.begin(), middle, list.end());
    least = std::min(least, *middle);
  }
  return least;
}

}  // namespace

Outcome Run(const Scenario& scenario, int8_t minpoll, int8_t maxpoll, uint64_t seed) {
  WorldConfig config = scenario.world;
  config.seed = seed;
  config.source.minpoll = minpoll;
  config.source.maxpoll = maxpoll;
  World world(config);
  Outcome outcome;
  std::vector<double> errors;
  // A sine is no random walk: the wander that follows it best.
  IdealFilter ideal(config.oscillator.sine > 0 ? 1e-8 : config.oscillator.wander);
  double ideal_squares = 0;
  std::vector<std::vector<double>> delays(world.servers.size());
  world.on_answer = [&](size_t index, double there, double back) {
    const Server& server = world.servers[index];
    if (server.ahead != 0) return;  // it knows the falseticker, too
    delays[index].push_back(there + back);
    const double seen = -world.clock().RawError() + (there - back) / 2;
    ideal.Update(world.now(), seen, KnownVariance(server, there, back, world.now()));
  };
  int claims = 0;
  int held = 0;
  const double steady = scenario.steady_from_hours * 3600;
  int requests_before = 0;
  world.RunFor(scenario.hours * 3600, [&] {
    const double error = world.clock().Error();
    if (std::abs(error) >= 1e-3) outcome.settled = world.now();
    if (world.now() > steady) {
      errors.push_back(std::abs(error));
      ideal_squares += std::pow(ideal.At(world.now()) + world.clock().RawError(), 2);
    } else {
      requests_before = world.Requests();
    }
    if (static_cast<int64_t>(world.now()) % 16 != 0) return;
    outcome.trace.emplace_back(world.now(), error);
    const ntp::Snapshot s = world.TakeSnapshot();
    if (!s.synchronised && !s.holdover) return;
    ++claims;
    // True offset: what has to be added to the clock.
    if (std::abs(-error - ToSeconds(s.offset)) <= ToSeconds(s.error_bound)) ++held;
    if (world.now() <= steady) return;
    outcome.bound = std::max(outcome.bound, ToSeconds(s.error_bound));
  });
  double squares = 0;
  for (const double e : errors) squares += e * e;
  std::sort(errors.begin(), errors.end());
  outcome.half_delay = LeastMedian(delays) / 2;
  outcome.rms = std::sqrt(squares / static_cast<double>(errors.size()));
  outcome.ideal = std::sqrt(ideal_squares / static_cast<double>(errors.size()));
  outcome.p95 = errors[errors.size() * 95 / 100];
  outcome.max = errors.back();
  outcome.requests =
      (world.Requests() - requests_before) / (scenario.hours - scenario.steady_from_hours);
  outcome.bound_held = claims > 0 ? static_cast<double>(held) / claims : 0;
  return outcome;
}

}  // namespace fleetsync::sim
