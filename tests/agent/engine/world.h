#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "agent/engine/engine.h"
#include "base/overloaded.h"
#include "gtest/gtest.h"
#include "proto/ntp/packet.h"

namespace fleetsync::ntp {

// A time server and the way to it.
struct FakeServer {
  Duration ahead{};  // of the truth
  Duration there = std::chrono::milliseconds(1);
  Duration back = std::chrono::milliseconds(1);
  Duration jitter{};  // up to this much more, each way, drawn for each packet
  uint8_t stratum = 1;
  Duration root_dispersion{};
  bool answers = true;
  bool forged_first = false;  // somebody who does not see the request answers before it
  // Interleaved mode: the transmit stamp of an answer is too late by this, and the next answer
  // tells the true one to who asks for it.
  Duration stamps_late{};
  std::optional<Packet> last_answer{};                  // with the true transmit time
  std::function<void(Packet&)> tamper{};                // last, before the answer leaves
  std::function<void(std::vector<std::byte>&)> seal{};  // what is on the wire: adds a MAC

  int asked = 0;
  std::vector<MonoTime> asked_at{};
  std::vector<Packet> requests{};
  std::vector<size_t> request_sizes{};
};

// One engine, its clock and its network; owns the only time. Address 10.0.0.N is server N.
class World {
 public:
  static constexpr SystemTime kEpoch{std::chrono::seconds(1'800'000'000)};

  explicit World(std::vector<FakeServer> fake_servers, uint64_t seed = 1)
      : servers(std::move(fake_servers)), random_(seed) {
    for (size_t i = 0; i < servers.size(); ++i) names[Name(i)] = {AddressOf(i)};
  }

  static std::string Name(size_t server) { return "ntp" + std::to_string(server); }
  static Address AddressOf(size_t server) {
    Address address;
    address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, static_cast<uint8_t>(server)};
    return address;
  }

  void StartWith(std::vector<SourceConfig> sources, uint64_t seed = 1,
                 std::shared_ptr<Authenticator> keys = nullptr) {
    engine_.emplace(EngineConfig{.sources = std::move(sources)}, seed, std::move(keys));
    Perform(engine_->Start(Read()));
  }
  // Every server as a source.
  void StartEngine(SourceConfig like) {
    std::vector<SourceConfig> sources;
    for (size_t i = 0; i < servers.size(); ++i) {
      like.name = Name(i);
      sources.push_back(like);
    }
    StartWith(std::move(sources));
  }

  // The oscillator errs by `ppm`: both clocks share it.
  MonoTime Mono() const {
    return MonoTime(FromSeconds(ToSeconds(elapsed_ - asleep_) * (1 + ppm * 1e-6)) +
                    std::chrono::hours(1));
  }
  Now Read() const { return {Mono(), kEpoch + (Mono() - MonoTime(std::chrono::hours(1))) + moved}; }
  SystemTime Truth() const { return kEpoch + elapsed_; }
  // What must be added to the system clock to be right.
  Duration TrueOffset() const { return Truth() - Read().system; }

  void RunFor(Duration span) {
    const Duration end = elapsed_ + span;
    for (;;) {
      const Duration timer = TimerElapsed();
      const Duration next = events_.empty() ? end : std::min(end, events_.begin()->first.first);
      if (timer <= next && timer < end) {
        elapsed_ = std::max(elapsed_, timer);
        Perform(engine_->OnTimer(Read()));
      } else if (!events_.empty() && next < end) {
        auto event = std::move(events_.begin()->second);
        elapsed_ = events_.begin()->first.first;
        events_.erase(events_.begin());
        event();
      } else {
        elapsed_ = end;
        return;
      }
    }
  }

  // The machine sleeps: the raw clock stands still, the system clock is right again afterwards.
  void Sleep(Duration span) {
    elapsed_ += span;
    asleep_ += span;
    moved += span;
  }

  // What a shell does after every wait, whatever ended it.
  void Wake() { Perform(engine_->OnTimer(Read())); }

  Snapshot TakeSnapshot() const { return engine_->TakeSnapshot(Read()); }
  int CountNotes(Note::Kind kind) const {
    return static_cast<int>(
        std::count_if(notes.begin(), notes.end(), [&](const Note& n) { return n.kind == kind; }));
  }

  std::vector<FakeServer> servers;
  std::map<std::string, std::vector<Address>> names;
  double ppm = 0;
  Duration moved{};  // what other programs did to the system clock so far
  std::vector<Note> notes;
  std::vector<std::string> resolved;  // names that were asked for

 private:
  Duration TimerElapsed() const {
    const MonoTime timer = engine_->NextTimer();
    if (timer == MonoTime::max()) return Duration::max();
    const double elapsed = ToSeconds(timer - MonoTime(std::chrono::hours(1))) / (1 + ppm * 1e-6);
    return FromSeconds(elapsed) + asleep_ + Duration(2);  // at or after, never before
  }

  void At(Duration when, std::function<void()> event) {
    events_.emplace(std::pair(when, ++sequence_), std::move(event));
  }
  Duration Jitter(const FakeServer& server) {
    if (server.jitter == Duration::zero()) return {};
    return Duration(static_cast<int64_t>(random_() % static_cast<uint64_t>(server.jitter.count())));
  }

  void Perform(const Actions& actions) {
    for (const Action& action : actions) {
      std::visit(
          Overloaded{[&](const Send& send) { OnSend(send); },
                     [&](const Resolve& resolve) {
                       resolved.push_back(resolve.name);
                       Perform(engine_->OnResolved(Read(), resolve.source, names[resolve.name]));
                     },
                     [&](const Note& note) { notes.push_back(note); },
                     [](const auto&) { ADD_FAILURE() << "an observer moves no clock"; }},
          action);
    }
  }

  void OnSend(const Send& send) {
    Perform(engine_->OnSent(Read(), send.source, send.token, {Read().system}));
    FakeServer& server = servers.at(send.to.ip[15]);
    const Packet request = Decode(std::span(send.bytes).first(send.size)).packet;
    ++server.asked;
    server.asked_at.push_back(Mono());
    server.requests.push_back(request);
    server.request_sizes.push_back(send.size);
    if (!server.answers) return;
    const Duration arrival = elapsed_ + server.there + Jitter(server);
    Packet answer{.leap = Leap::kNone,
                  .mode = Mode::kServer,
                  .stratum = server.stratum,
                  .precision = -20,
                  .root_dispersion = server.root_dispersion,
                  .origin = request.transmit,
                  .receive = ToTimestamp(kEpoch + arrival + server.ahead),
                  .transmit = ToTimestamp(kEpoch + arrival + server.ahead)};
    Interleave(server, request, answer);
    if (server.tamper) server.tamper(answer);
    const Duration back = arrival + server.back + Jitter(server);
    if (server.forged_first) {
      Packet forged = answer;
      forged.origin.bits ^= 1;
      Deliver(back, send.source, send.to.ip[15], forged);
    }
    Deliver(back, send.source, send.to.ip[15], answer);
  }

  // As a server that keeps the times of its last answer (RFC 9769).
  static void Interleave(FakeServer& server, const Packet& request, Packet& answer) {
    const std::optional<Packet> last = std::exchange(server.last_answer, answer);
    if (last && !request.origin.IsZero() && request.origin == last->receive) {
      answer.origin = request.receive;
      answer.transmit = last->transmit;
    } else {
      answer.transmit = ToTimestamp(ToSystemTime(answer.transmit, kEpoch) + server.stamps_late);
    }
  }

  void Deliver(Duration when, SourceId source, size_t server, const Packet& packet) {
    At(when, [this, packet, source, server] {
      std::vector<std::byte> wire(kHeaderSize);
      Encode(packet, std::span<std::byte, kHeaderSize>(wire.data(), kHeaderSize));
      if (const auto& seal = servers.at(server).seal) seal(wire);
      Perform(engine_->OnPacket(Read(), source, wire, {Read().system}));
    });
  }

  std::optional<Engine> engine_;
  Duration elapsed_{};  // of the truth
  Duration asleep_{};
  uint64_t sequence_ = 0;  // events of one instant happen in the order of their creation
  std::map<std::pair<Duration, uint64_t>, std::function<void()>> events_;
  std::mt19937_64 random_;
};

}  // namespace fleetsync::ntp
