#include "tests/sim/world.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "base/overloaded.h"

namespace fleetsync::sim {
namespace {

ntp::EngineConfig WithSources(const WorldConfig& config) {
  ntp::EngineConfig engine = config.engine;
  engine.control_clock = true;
  if (!engine.sources.empty()) return engine;
  for (size_t i = 0; i < config.servers.size(); ++i) {
    engine.sources.push_back(config.source);
    engine.sources.back().name = "ntp" + std::to_string(i);
  }
  return engine;
}

}  // namespace

World::World(WorldConfig config)
    : servers(config.servers),
      random_(config.seed),
      clock_(config.oscillator, config.ahead, config.seed * 7919 + 1),
      engine_(WithSources(config), config.seed) {
  clock_.Adjust(config.left_behind, {});
  Perform(engine_.Start(clock_.Read()));
}

ntp::Address World::AddressOf(size_t server) {
  ntp::Address address;
  address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, static_cast<uint8_t>(server)};
  return address;
}

int World::Requests() const {
  int requests = 0;
  for (const Server& server : servers) requests += server.asked;
  return requests;
}

int World::CountNotes(ntp::Note::Kind kind) const {
  return static_cast<int>(std::count_if(notes.begin(), notes.end(),
                                        [&](const auto& n) { return n.second.kind == kind; }));
}

double World::NextTimer() const {
  const MonoTime timer = engine_.NextTimer();
  if (timer == MonoTime::max()) return std::floor(now()) + 1;
  // At or after it, never before.
  return clock_.WhenRaw(timer.time_since_epoch() + Duration(2));
}

void World::RunFor(double seconds, const std::function<void()>& on_second) {
  const double end = now() + seconds;
  while (now() < end) {
    const double second = std::floor(now()) + 1;
    const double timer = NextTimer();
    const double event = events_.empty() ? end : events_.begin()->first.first;
    const double next = std::min({end, second, timer, event});
    clock_.AdvanceTo(next);
    if (!events_.empty() && event <= next) {
      auto run = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      run();
    } else if (clock_.Read().mono >= engine_.NextTimer()) {
      Perform(engine_.OnTimer(clock_.Read()));
    }
    if (next == second && on_second) on_second();
  }
}

Status World::SyncNow(const ntp::SyncLimits& limits) {
  ntp::Actions actions;
  const Status status = engine_.SyncNow(clock_.Read(), limits, actions);
  Perform(actions);
  return status;
}

void World::Wake() { Perform(engine_.OnTimer(clock_.Read())); }

void World::Perform(const ntp::Actions& actions) {
  for (const ntp::Action& action : actions) {
    std::visit(Overloaded{[&](const ntp::Send& send) { OnSend(send); },
                          [&](const ntp::Resolve& resolve) {
                            const auto index =
                                static_cast<size_t>(std::stoi(resolve.name.substr(3)));
                            const ntp::Address address = AddressOf(index);
                            Perform(engine_.OnResolved(clock_.Read(), resolve.source,
                                                       std::span(&address, 1)));
                          },
                          [&](const ntp::Step& step) {
                            if (!may_steer) return;
                            steps.emplace_back(now(), step.offset);
                            clock_.Step(step.offset);
                          },
                          [&](const ntp::Adjust& adjust) {
                            if (may_steer) clock_.Adjust(adjust.frequency, adjust.slew);
                          },
                          [&](const ntp::KernelSync& sync) {
                            kernel = sync;
                            if (may_announce) clock_.Announce(sync.leap);
                          },
                          [](const ntp::SaveDrift&) {},
                          [&](const ntp::Note& note) { notes.emplace_back(now(), note); }},
               action);
  }
}

void World::OnSend(const ntp::Send& send) {
  Perform(engine_.OnSent(clock_.Read(), send.source, send.token, {clock_.Read().system}));
  const size_t index = send.to.ip[15];
  const std::optional<double> there = servers.at(index).there.Draw(now(), random_);
  if (!there) return;
  const ntp::Packet request = ntp::Decode(std::span(send.bytes).first(send.size)).packet;
  events_.emplace(std::pair(now() + *there, ++sequence_),
                  [this, request, exchange = Exchange{send.source, index, *there}] {
                    OnRequest(request, exchange);
                  });
}

void World::OnRequest(const ntp::Packet& request, Exchange exchange) {
  Server& server = servers.at(exchange.server);
  const std::optional<ntp::Packet> answer = server.Answer(request, now());
  if (!answer) return;
  const std::optional<double> back = server.back.Draw(now(), random_);
  if (!back) return;
  exchange.back = *back;
  Deliver(now() + *back, *answer, exchange);
  if (server.back.duplicates > 0 &&
      std::uniform_real_distribution<double>()(random_) < server.back.duplicates)
    Deliver(now() + 2 * *back, *answer, exchange);
}

void World::Deliver(double when, const ntp::Packet& packet, const Exchange& exchange) {
  events_.emplace(std::pair(when, ++sequence_), [this, packet, exchange] {
    std::array<std::byte, ntp::kHeaderSize> wire;
    ntp::Encode(packet, wire);
    const Now read = clock_.Read();
    if (on_answer) on_answer(exchange.server, exchange.there, exchange.back);
    Perform(engine_.OnPacket(read, exchange.source, wire, {read.system}));
  });
}

}  // namespace fleetsync::sim
