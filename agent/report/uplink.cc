#include "agent/report/uplink.h"

#include <algorithm>
#include <utility>

namespace fleetsync::report {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kConnectDeadline = seconds(20);
constexpr Duration kAcknowledgeDeadline = seconds(30);
constexpr Duration kFirstBackOff = seconds(1);
constexpr int kMaxDoublings = 5;   // to 32 s: half a minute after an outage all are back
constexpr uint64_t kWindow = 256;  // reports in flight: bounds memory on both sides
constexpr Duration kClockStep = seconds(1);
constexpr int64_t kSlewDivisor = 10;  // no daemon slews faster than 100,000 ppm

double Uniform(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

}  // namespace

// gRPC waits on CLOCK_REALTIME: after a step its channel sits on timers of another day.
bool Uplink::NoticeClockStep(Now now) {
  const Now before = std::exchange(last_, now);
  if (!std::exchange(started_, true)) return false;
  const Duration elapsed = now.mono - before.mono;
  const Duration moved = (now.system - before.system) - elapsed;
  return Abs(moved) > kClockStep + elapsed / kSlewDivisor;
}

UplinkActions Uplink::Start(Now now) {
  NoticeClockStep(now);
  return Reconnect(now);
}

UplinkActions Uplink::Reconnect(Now now) {
  state_ = State::kConnecting;
  timer_ = now.mono + kConnectDeadline;
  return {Connect{}};
}

// A thousand agents that lose one controller must not come back in one second: the wait is
// anywhere between half and all of the doubled interval.
void Uplink::BackOff(Now now) {
  const Duration longest = kFirstBackOff * (1 << std::min(failures_, kMaxDoublings));
  ++failures_;
  state_ = State::kIdle;
  timer_ = now.mono + FromSeconds(ToSeconds(longest) * (0.5 + 0.5 * Uniform(random_)));
}

// Reports that the spool has dropped will never be acknowledged.
void Uplink::SkipMissing() {
  if (acknowledged_ >= written_) acknowledged_ = std::max(acknowledged_, read_);
}

void Uplink::SendMore(Now now, UplinkActions& actions) {
  if (state_ != State::kConnected) return;
  const uint64_t last = std::min(spooled_, acknowledged_ + kWindow);
  if (last > asked_) {
    if (asked_ == acknowledged_) timer_ = now.mono + kAcknowledgeDeadline;
    actions.push_back(SendThrough{asked_ + 1, last});
    asked_ = last;
  }
  if (asked_ == acknowledged_) timer_ = MonoTime::max();
}

UplinkActions Uplink::OnRead(Now now, uint64_t through, uint64_t last_found) {
  UplinkActions actions;
  if (state_ != State::kConnected) return actions;
  read_ = std::max(read_, through);
  written_ = std::max(written_, last_found);
  SkipMissing();
  SendMore(now, actions);
  return actions;
}

UplinkActions Uplink::OnSpooled(Now now, uint64_t last) {
  UplinkActions actions = OnTimer(now);
  spooled_ = std::max(spooled_, last);
  SendMore(now, actions);
  return actions;
}

UplinkActions Uplink::OnConnected(Now now, uint64_t stored_through) {
  if (state_ != State::kConnecting) return {};
  state_ = State::kConnected;
  timer_ = MonoTime::max();
  acknowledged_ = asked_ = read_ = written_ = stored_through;
  UplinkActions actions = {Forget{stored_through}};
  SendMore(now, actions);
  return actions;
}

UplinkActions Uplink::OnAcknowledged(Now now, uint64_t through) {
  if (state_ != State::kConnected || through <= acknowledged_) return {};
  // More than was sent is the controller's mistake: it must not make us forget.
  acknowledged_ = std::min(through, written_);
  failures_ = 0;
  timer_ = now.mono + kAcknowledgeDeadline;
  UplinkActions actions = {Forget{acknowledged_}};
  SkipMissing();
  SendMore(now, actions);
  return actions;
}

UplinkActions Uplink::OnBroken(Now now) {
  if (state_ != State::kIdle) BackOff(now);
  return {};
}

UplinkActions Uplink::OnTimer(Now now) {
  if (NoticeClockStep(now) && state_ != State::kIdle) {
    // The network is fine, only the channel is stale: no growing back-off.
    failures_ = 0;
    BackOff(now);
    return {Disconnect{}};
  }
  if (now.mono < timer_) return {};
  if (state_ == State::kIdle) return Reconnect(now);
  BackOff(now);
  return {Disconnect{}};
}

}  // namespace fleetsync::report
