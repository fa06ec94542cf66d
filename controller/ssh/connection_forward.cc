// A port on the host that leads to us.
#include "controller/ssh/connection.h"

namespace fleetsync::ssh {
namespace {

constexpr Duration kForwardDeadline = std::chrono::seconds(30);

}  // namespace

void Connection::StartForward(const Conversation::Forward& forward) {
  state_ = State::kForwarding;
  EnterStage(Stage::kForward);
  SetDeadline(kForwardDeadline);
  forward_ = std::make_unique<ForwardRun>(run_->loop(), *session_, forward, *conversation_, [this] {
    AdvanceForward();
    UpdateInterest();
  });
  AdvanceForward();
}

void Connection::AdvanceForward() {
  switch (forward_->Advance()) {
    case ForwardRun::Step::kAsking:
      return;
    case ForwardRun::Step::kListening:
      if (deadline_) run_->loop().Cancel(*deadline_);
      deadline_.reset();
      return;
    case ForwardRun::Step::kRefused:
    case ForwardRun::Step::kSilent:
      return FailWith(forward_->failure());
    case ForwardRun::Step::kLost:
      return Fail(Fault::kDisconnected, LostText());
  }
}

}  // namespace fleetsync::ssh
