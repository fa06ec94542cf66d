#include "agent/observe/asker.h"

namespace fleetsync::observe {
namespace {

// On loopback an answer takes less than a millisecond; daemons that limit their rate leave some
// out.
constexpr Duration kPatience = std::chrono::milliseconds(170);
constexpr int kTries = 3;

}  // namespace

std::span<const std::byte> Asker::TakeRequest(MonoTime now) {
  if (over() || now < due_) return {};
  if (sent_ == kTries) {
    dialogue_->GiveUp("no answer");
    return {};
  }
  ++sent_;
  due_ = now + kPatience;
  return dialogue_->Request();
}

void Asker::OnDatagram(Now now, std::span<const std::byte> wire) {
  if (over() || !dialogue_->OnDatagram(now, wire)) return;
  due_ = now.mono;
  sent_ = 0;
}

void Asker::OnError(std::string_view why) {
  if (!over()) dialogue_->GiveUp(why);
}

}  // namespace fleetsync::observe
