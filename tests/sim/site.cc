#include "tests/sim/site.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "base/overloaded.h"

namespace fleetsync::sim {
namespace {

constexpr double kTurn = 0.05;  // seconds; the engines' timers are late by up to this
constexpr size_t kUpstream = 0;
constexpr int8_t kPrecision = -23;

constexpr std::array kAll{server::AccessRule{{}, 0, true}};

ntp::EngineConfig EngineOf(const SiteConfig& config, size_t index, const ntp::Address& own) {
  ntp::EngineConfig engine{.precision = kPrecision};
  for (size_t i = 0; i <= config.relays.size(); ++i)
    if (i != index + 1)
      engine.sources.push_back({.name = "10.0.0." + std::to_string(i),
                                .maxpoll = 7,
                                .iburst = true,
                                .peer = i != kUpstream});
  engine.orphan_stratum = config.local_stratum;
  engine.own_reference_id = ntp::ReferenceIdOf(own);
  return engine;
}

Now Later(const Now& now, double seconds) {
  return {now.mono + FromSeconds(seconds), now.system + FromSeconds(seconds)};
}

}  // namespace

Site::Relay::Relay(const SiteConfig& config, size_t index, const server::AccessList& access)
    : clock(config.relays[index], std::chrono::milliseconds(100), config.seed * 31 + index),
      engine(EngineOf(config, index, AddressOf(index + 1)), config.seed * 17 + index),
      responder(access, std::nullopt, {}, index),
      fallback(config.local_stratum, std::chrono::seconds(30)),
      believed(kPrecision) {}

Site::Site(const SiteConfig& config) : way_(config.way), access_(kAll) {
  for (size_t i = 0; i < config.relays.size(); ++i)
    relays_.push_back(std::make_unique<Relay>(config, i, access_));
  for (auto& relay : relays_) Perform(*relay, relay->engine.Start(relay->clock.Read()));
}

ntp::Address Site::AddressOf(size_t index) {
  ntp::Address address;
  address.ip = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, static_cast<uint8_t>(index)};
  return address;
}

void Site::RunFor(double seconds) {
  const double end = now_ + seconds;
  while (now_ < end) {
    now_ += kTurn;
    for (auto& relay : relays_) relay->clock.AdvanceTo(now_);
    for (auto& relay : relays_) {
      const Now now = relay->clock.Read();
      if (now.mono >= relay->engine.NextTimer()) Perform(*relay, relay->engine.OnTimer(now));
      if (std::floor(now_) > std::floor(now_ - kTurn)) Publish(*relay);
    }
  }
}

void Site::Publish(Relay& relay) {
  const ntp::Snapshot snapshot = relay.engine.TakeSnapshot(relay.clock.Read());
  relay.vars = relay.fallback.Apply(relay.believed.Take(snapshot));
}

void Site::Perform(Relay& relay, const ntp::Actions& actions) {
  for (const ntp::Action& action : actions) {
    std::visit(
        Overloaded{[&](const ntp::Send& send) { Ask(relay, send); },
                   [&](const ntp::Resolve& resolve) {
                     const auto index = static_cast<size_t>(std::stoi(resolve.name.substr(7)));
                     const ntp::Address address = AddressOf(index);
                     Perform(relay, relay.engine.OnResolved(relay.clock.Read(), resolve.source,
                                                            std::span(&address, 1)));
                   },
                   [](const auto&) {}},
        action);
  }
}

void Site::Ask(Relay& relay, const ntp::Send& send) {
  const Now now = relay.clock.Read();
  Perform(relay, relay.engine.OnSent(now, send.source, send.token, {now.system}));
  const auto answer = AnswerOf(AddressOf(send.to.ip[15]), send);
  if (!answer) return;
  const Now back = Later(now, 2 * way_);
  Perform(relay, relay.engine.OnPacket(back, send.source, *answer, {back.system}));
}

std::optional<std::vector<std::byte>> Site::AnswerOf(const ntp::Address& to,
                                                     const ntp::Send& send) {
  const size_t index = to.ip[15];
  const std::span request = std::span(send.bytes).first(send.size);
  std::vector<std::byte> reply(server::kLargestReply);
  if (index == kUpstream) {
    if (!upstream_answers_) return std::nullopt;
    const ntp::Timestamp time = ntp::ToTimestamp(kEpoch + FromSeconds(now_ + way_));
    ntp::Encode({.leap = ntp::Leap::kNone,
                 .mode = ntp::Mode::kServer,
                 .stratum = 1,
                 .precision = kPrecision,
                 .origin = ntp::Decode(request).packet.transmit,
                 .receive = time,
                 .transmit = time},
                std::span(reply).first<ntp::kHeaderSize>());
    reply.resize(ntp::kHeaderSize);
    return reply;
  }
  Relay& relay = *relays_[index - 1];
  const Now there = Later(relay.clock.Read(), way_);
  const server::Response response =
      relay.responder.Respond(relay.vars, {.bytes = request, .from = {}, .received = there.system},
                              there, std::span(reply).first<server::kLargestReply>());
  if (response.size == 0) return std::nullopt;
  reply.resize(response.size);
  return reply;
}

double Site::ServedError(size_t relay) const {
  const Relay& r = *relays_[relay];
  return r.clock.Error() + ToSeconds(r.vars.offset);
}

double Site::Claim(size_t relay) const {
  const server::ServerVars& vars = relays_[relay]->vars;
  return ToSeconds(vars.root_delay / 2 + vars.root_dispersion);
}

double Site::Disagreement() const {
  double least = std::numeric_limits<double>::infinity();
  double most = -least;
  for (size_t i = 0; i < relays_.size(); ++i) {
    least = std::min(least, ServedError(i));
    most = std::max(most, ServedError(i));
  }
  return most - least;
}

}  // namespace fleetsync::sim
