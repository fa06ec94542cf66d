#include "controller/ssh/forward_run.h"

#include <algorithm>
#include <utility>

#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

// An agent needs one connection, two while it moves to a new one. More than these are an error or
// an attack: each can hold up to 4 MB when the controller is slow.
constexpr size_t kMostConnections = 64;
// Then the other hosts' turn.
constexpr int kRoundsATurn = 32;
constexpr int kSilentIntervals = 3;

}  // namespace

ForwardRun::ForwardRun(EventLoop& loop, Session& session, const Conversation::Forward& forward,
                       Conversation& conversation, std::function<void()> on_ready)
    : loop_(loop),
      session_(session),
      forward_(forward),
      to_(ParseAddress(forward.to, forward.to_port)),
      conversation_(conversation),
      on_ready_(std::move(on_ready)) {}

ForwardRun::~ForwardRun() {
  session_.StopListening();
  for (const std::optional<EventLoop::TimerId>& timer : {soon_, keepalive_})
    if (timer) loop_.Cancel(*timer);
}

ForwardRun::Step ForwardRun::Advance() {
  const bool alive = session_.Pump() != Session::Step::kFailed;
  if (!alive && state_ != State::kListening) return Step::kLost;
  if (state_ != State::kListening) {
    const Step step = Ask();
    if (step != Step::kListening) return step;
  }
  CarryAll();
  if (!alive || session_.lost()) return Step::kLost;
  return silent_ >= kSilentIntervals ? Step::kSilent : Step::kListening;
}

// sshd says no without a reason. One that gives us any other port has ours in use.
ForwardRun::Step ForwardRun::Ask() {
  if (!to_) {
    failure_ = {.stage = Stage::kForward,
                .fault = Fault::kProtocol,
                .detail = fmt::format("'{}' is not a numeric address", forward_.to),
                .next_step = ""};
    return Step::kRefused;
  }
  const bool any_port = state_ == State::kAskingAnyPort;
  const Session::Step step = session_.Listen(any_port ? 0 : forward_.host_port, *this);
  if (session_.lost()) return Step::kLost;
  if (step == Session::Step::kAgain) return Step::kAsking;
  if (any_port) return Refused(step);
  if (step == Session::Step::kFailed) {
    state_ = State::kAskingAnyPort;
    return Ask();
  }
  state_ = State::kListening;
  KeepAlive();
  conversation_.OnForwarding(loop_.now());
  return Step::kListening;
}

ForwardRun::Step ForwardRun::Refused(Session::Step any_port) {
  failure_.stage = Stage::kForward;
  if (any_port == Session::Step::kDone) {
    failure_.fault = Fault::kRefused;
    failure_.detail = fmt::format("port {} is in use on the host", forward_.host_port);
    failure_.next_step = fmt::format(
        "see by what: ss -ltnp 'sport = :{}'. An sshd that has it is a tunnel before this one, "
        "which ends when it notices; for another port use --port, and tell the agent",
        forward_.host_port);
  } else {
    failure_.fault = Fault::kDenied;
    failure_.detail =
        fmt::format("the host's sshd does not let us listen on 127.0.0.1:{}", forward_.host_port);
    failure_.next_step =
        "in its sshd_config, AllowTcpForwarding must be yes or remote, PermitListen must have the "
        "port when it is there, and the key's line in authorized_keys must not forbid it";
  }
  return Step::kRefused;
}

bool ForwardRun::TakesChannel() {
  return state_ == State::kListening &&
         connections_.size() + new_channels_.size() < kMostConnections;
}

void ForwardRun::OnChannel(std::unique_ptr<ForwardChannel> channel) {
  new_channels_.push_back(std::move(channel));
}

// libssh takes in what has arrived while it writes, after which its socket may stay silent: so it
// goes on until a round in which nothing moved, for then nothing was written either.
void ForwardRun::CarryAll() {
  if (carrying_) return;  // a dialer's answer within Start
  carrying_ = true;
  int rounds = 0;
  while (CarryOnce() && ++rounds < kRoundsATurn) {
  }
  carrying_ = false;
  for (const std::unique_ptr<ForwardedConnection>& connection : connections_)
    connection->UpdateInterest();
  if (rounds < kRoundsATurn || soon_) return;
  soon_ = loop_.After(Duration::zero(), [this] {
    soon_.reset();
    TellReady();
  });
}

void ForwardRun::TellReady() {
  const std::function<void()> on_ready = on_ready_;  // this may end in it
  on_ready();
}

bool ForwardRun::CarryOnce() {
  bool moved = StartNew();
  if (!connections_.empty()) {
    first_ = (first_ + 1) % connections_.size();
    std::rotate(connections_.begin(), connections_.begin() + static_cast<ptrdiff_t>(first_),
                connections_.end());
  }
  for (const std::unique_ptr<ForwardedConnection>& connection : connections_)
    moved = connection->Carry() || moved;
  // Their channels are closed here, which writes.
  return std::erase_if(connections_, [](const auto& connection) { return connection->over(); }) >
             0 ||
         moved;
}

bool ForwardRun::StartNew() {
  const bool some = !new_channels_.empty();
  for (std::unique_ptr<ForwardChannel>& channel : std::exchange(new_channels_, {})) {
    connections_.push_back(std::make_unique<ForwardedConnection>(
        loop_, std::move(channel),
        ForwardedConnection::Events{
            .on_ready =
                [this] {
                  if (!carrying_) TellReady();
                },
            .on_dialed = [this](int error) { conversation_.OnForwardDialed(error); }}));
    connections_.back()->Start(*to_);
  }
  return some;
}

void ForwardRun::KeepAlive() {
  keepalive_ = loop_.After(forward_.keepalive, [this] {
    const uint64_t received = session_.received();
    silent_ = received == std::exchange(received_, received) ? silent_ + 1 : 0;
    if (silent_ > 0 && silent_ < kSilentIntervals) session_.AskForAnswer();
    if (silent_ >= kSilentIntervals)
      failure_ = {.stage = Stage::kForward,
                  .fault = Fault::kTimedOut,
                  .detail = fmt::format("nothing came from the host for {}",
                                        FormatDuration(forward_.keepalive * kSilentIntervals)),
                  .next_step = "is it up, and the network between?"};
    KeepAlive();
    TellReady();
  });
}

}  // namespace fleetsync::ssh
