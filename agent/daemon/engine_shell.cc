#include "agent/daemon/engine_shell.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "agent/net/address_text.h"
#include "base/clock_read.h"
#include "base/overloaded.h"
#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

constexpr Duration kWorthAStep = std::chrono::milliseconds(1);
constexpr size_t kLargestAnswer = 1024;  // extension fields and a MAC included

std::vector<std::string> Names(const ntp::EngineConfig& config) {
  std::vector<std::string> names;
  for (const ntp::SourceConfig& source : config.sources) names.push_back(source.name);
  return names;
}

int PollTimeout(MonoTime until, MonoTime now) {
  if (until == MonoTime::max()) return -1;
  // Rounded up: a wake-up before the time would spin.
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now);
  return static_cast<int>(std::clamp<int64_t>(wait.count(), 0, 3'600'000));
}

}  // namespace

EngineShell::EngineShell(ShellConfig config)
    : names_(Names(config.engine)),
      slews_only_(config.engine.slew_only),
      engine_(std::move(config.engine), config.seed, std::move(config.keys)),
      log_(std::move(config.log)),
      clock_actions_(std::move(config.clock), std::move(config.drift), log_),
      timestamping_(config.timestamping),
      links_(names_.size()),
      resolve_errors_(names_.size()) {}

Status EngineShell::Start() {
  Perform(engine_.Start(ReadClocks()));
  return absl::OkStatus();
}

ntp::Snapshot EngineShell::TakeSnapshot() const { return engine_.TakeSnapshot(ReadClocks()); }

EngineShell::Synced EngineShell::SyncNow(const ntp::SyncLimits& limits) {
  Synced synced;
  synced.before = TakeSnapshot().offset;
  ntp::Actions actions;
  synced.status = engine_.SyncNow(ReadClocks(), limits, actions);
  Perform(std::move(actions));
  const ntp::Snapshot snapshot = TakeSnapshot();
  synced.after = snapshot.offset;
  synced.error_bound = snapshot.error_bound;
  const bool stays = synced.after > std::max(synced.before / 2, kWorthAStep);
  if (synced.status.ok() && stays && !slews_only_)
    synced.status = absl::InternalError("the clock did not follow; the agent's log says why");
  return synced;
}

void EngineShell::Stop() {
  const Now now = ReadClocks();
  if (const auto drift = engine_.LearnedDrift(now)) clock_actions_.Perform(ntp::SaveDrift{*drift});
  const ntp::Snapshot snapshot = engine_.TakeSnapshot(now);
  if (snapshot.synchronised || snapshot.holdover) {
    clock_actions_.Perform(ntp::Adjust{snapshot.frequency, Duration::zero()});
  }
}

void EngineShell::DoSend(const ntp::Send& send) {
  Link& link = links_[static_cast<size_t>(send.source)];
  link.socket.reset();
  link.token = send.token;
  auto socket = net::UdpSocket::Connect(send.to, timestamping_);
  if (!socket.ok()) return;  // as if it were lost: the reach register tells
  link.socket = *std::move(socket);
  const SystemTime sent = ReadClocks().system;
  if (!link.socket->Send(std::span(send.bytes).first(send.size)).ok()) return;
  Perform(engine_.OnSent(ReadClocks(), send.source, send.token, {sent}));
}

Status EngineShell::DoResolve(const ntp::Resolve& resolve) {
  if (const auto address = net::ParseNumericAddress(resolve.name, resolve.port)) {
    Perform(engine_.OnResolved(ReadClocks(), resolve.source, std::span(&*address, 1)));
    return absl::OkStatus();
  }
  if (!resolver_) {
    FS_ASSIGN_OR_RETURN(resolver_, net::Resolver::Create());
  }
  resolver_->Ask(static_cast<uint32_t>(resolve.source), resolve.name, resolve.port);
  return absl::OkStatus();
}

void EngineShell::DoNote(const ntp::Note& note) const {
  using Kind = ntp::Note::Kind;
  const std::string& name = names_[static_cast<size_t>(note.source)];
  const std::string offset = FormatSigned(note.offset);
  switch (note.kind) {
    case Kind::kSelected:
      return log_(fmt::format("selected {}, offset {}", name, offset));
    case Kind::kLost:
      return log_(fmt::format("lost {}{}{}; no source can be believed now", name,
                              note.text.empty() ? "" : ": ", note.text));
    case Kind::kFalseticker:
      return log_(fmt::format("{} disagrees with the majority, offset {}", name, offset));
    case Kind::kKissed:
      return log_(fmt::format("{}: {}", name, note.text));
    case Kind::kClockJumped:
      return log_(
          fmt::format("the clock was moved by {}; measuring anew", FormatSigned(-note.offset)));
    case Kind::kStepping:
      return log_(fmt::format("stepping the clock by {}", offset));
    case Kind::kPanic:
      return log_(fmt::format(
          "the clock is off by {}, beyond the panic threshold: it is left alone", offset));
    case Kind::kLeap:
      return log_(note.text);
  }
}

void EngineShell::Perform(ntp::Actions actions) {
  for (const ntp::Action& action : actions) {
    std::visit(Overloaded{
                   [&](const ntp::Send& send) { DoSend(send); },
                   [&](const ntp::Resolve& resolve) {
                     if (const Status s = DoResolve(resolve); !s.ok()) log_(Message(s));
                   },
                   [&](const ntp::Note& note) { DoNote(note); },
                   [&](const ntp::Step& step) {
                     stepped_ += step.offset;
                     clock_actions_.Perform(step);
                   },
                   [&](const auto& of_the_clock) { clock_actions_.Perform(of_the_clock); },
               },
               action);
  }
}

// The stamp of the departure comes before the answer that it belongs to. Without a stamp POLLERR is
// an error of the network, which is read as an answer is.
void EngineShell::OnReady(size_t source, short events) {
  Link& link = links_[source];
  const auto stamp = (events & POLLERR) != 0 ? link.socket->ReceiveSentStamp() : std::nullopt;
  if (stamp) {
    Perform(engine_.OnSent(ReadClocks(), static_cast<ntp::SourceId>(source), link.token,
                           {*stamp, ntp::StampKind::kKernel}));
  }
  if (!stamp || (events & POLLIN) != 0) OnReadable(source);
}

void EngineShell::OnReadable(size_t source) {
  if (!links_[source].socket) return;
  std::array<std::byte, kLargestAnswer> buffer;
  const auto datagram = links_[source].socket->Receive(buffer);
  const Now now = ReadClocks();
  if (!datagram.ok() || !*datagram) return;
  const bool stamped = (*datagram)->stamp.has_value();
  const ntp::Stamp stamp{stamped ? *(*datagram)->stamp : now.system,
                         stamped ? ntp::StampKind::kKernel : ntp::StampKind::kUser};
  Perform(engine_.OnPacket(now, static_cast<ntp::SourceId>(source),
                           std::span(buffer).first((*datagram)->size), stamp));
}

void EngineShell::OnResolverReadable() {
  for (const net::Answer& answer : resolver_->Take()) {
    if (answer.error != resolve_errors_[answer.token] && !answer.error.empty()) {
      log_(fmt::format("{} does not resolve: {}; asking again", Printable(names_[answer.token]),
                       answer.error));
    }
    resolve_errors_[answer.token] = answer.error;
    Perform(engine_.OnResolved(ReadClocks(), static_cast<ntp::SourceId>(answer.token),
                               answer.addresses));
  }
}

Status EngineShell::Turn(MonoTime until, std::span<pollfd> extra) {
  std::vector<pollfd> fds(extra.begin(), extra.end());
  std::vector<size_t> sources;
  for (size_t i = 0; i < links_.size(); ++i) {
    if (!links_[i].socket) continue;
    fds.push_back({links_[i].socket->fd(), POLLIN, 0});
    sources.push_back(i);
  }
  if (resolver_) fds.push_back({resolver_->fd(), POLLIN, 0});

  const MonoTime wake = std::min(until, engine_.NextTimer());
  const int ready = poll(fds.data(), fds.size(), PollTimeout(wake, ReadClocks().mono));
  if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "waiting for events");
  if (ready > 0) {
    std::copy_n(fds.begin(), extra.size(), extra.begin());
    for (size_t i = 0; i < sources.size(); ++i) {
      const pollfd& fd = fds[extra.size() + i];
      // An event before it in this turn may have made the engine send from another socket.
      const auto& socket = links_[sources[i]].socket;
      if (fd.revents != 0 && socket && socket->fd() == fd.fd) OnReady(sources[i], fd.revents);
    }
    if (resolver_ && fds.back().revents != 0) OnResolverReadable();
  }
  Perform(engine_.OnTimer(ReadClocks()));
  return absl::OkStatus();
}

}  // namespace fleetsync::daemon
