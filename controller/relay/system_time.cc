#include "controller/relay/system_time.h"

#include <sys/timex.h>

#include <algorithm>
#include <cerrno>

#include "base/clock_read.h"

namespace fleetsync::relay {
namespace {

constexpr uint8_t kUnknownStratum = 10;
constexpr uint32_t kSystemClock = 0x7f7f0100;  // "127.127.1.0": a clock of this machine
constexpr Duration kAskInterval = std::chrono::seconds(8);
constexpr Duration kStale = std::chrono::seconds(30);
constexpr Duration kPatience = std::chrono::milliseconds(50);  // it is on this machine

KernelState ReadKernel() {
  timex state{};
  const int result = adjtimex(&state);
  KernelState kernel;
  kernel.synchronised = result >= 0 && result != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
  if ((state.status & STA_INS) != 0) kernel.leap = ntp::Leap::kInsert;
  if ((state.status & STA_DEL) != 0) kernel.leap = ntp::Leap::kDelete;
  kernel.max_error = std::chrono::microseconds(state.maxerror);
  return kernel;
}

int WaitMs(MonoTime until) {
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - ReadClocks().mono);
  return static_cast<int>(std::clamp<int64_t>(wait.count(), 0, 60'000));
}

class SystemUpstream : public Upstream {
 public:
  SystemUpstream(const std::optional<ntp::Address>& daemon, int8_t precision)
      : address_(daemon), precision_(precision) {}

  Status Start() override { return absl::OkStatus(); }

  Status Turn(MonoTime until, std::span<pollfd> extra) override {
    const int ready = poll(extra.data(), extra.size(), WaitMs(until));
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "waiting for events");
    if (ready <= 0) {
      for (pollfd& fd : extra) fd.revents = 0;
    }
    return absl::OkStatus();
  }

  server::ServerVars TakeVars() override {
    const Now now = ReadClocks();
    if (address_ && now.mono >= next_ask_) {
      next_ask_ = now.mono + kAskInterval;
      if (const auto answer = serve::AskServer(*address_, kPatience)) {
        daemon_ = answer;
        heard_ = now.mono;
      }
    }
    if (now.mono - heard_ > kStale) daemon_.reset();
    return VarsOfSystemClock(ReadClocks(), ReadKernel(), daemon_, precision_);
  }

  std::string Describe() override {
    return daemon_ ? "the system clock, as the NTP daemon of this machine tells of it"
                   : "the system clock, as the kernel tells of it";
  }

 private:
  std::optional<ntp::Address> address_;
  int8_t precision_;
  MonoTime next_ask_{};
  MonoTime heard_{};
  std::optional<serve::ServerAnswer> daemon_;
};

}  // namespace

server::ServerVars VarsOfSystemClock(Now now, const KernelState& kernel,
                                     const std::optional<serve::ServerAnswer>& daemon,
                                     int8_t precision) {
  server::ServerVars vars{.as_of = now, .precision = precision};
  if (daemon) {
    const ntp::Packet& answer = daemon->packet;
    vars.leap = answer.leap;
    vars.stratum = answer.stratum;
    if (!vars.synchronised()) return {.as_of = now, .precision = precision};
    vars.root_delay = answer.root_delay;
    // Its time and the clock that is served are two things, as under chronyd -x.
    vars.root_dispersion = answer.root_dispersion + Abs(daemon->offset) + daemon->delay / 2;
    vars.reference_id = answer.reference_id;
    if (!answer.reference.IsZero()) {
      vars.reference_time = ToSystemTime(answer.reference, now.system);
    }
    return vars;
  }
  if (!kernel.synchronised) return vars;
  vars.leap = kernel.leap;
  vars.stratum = kUnknownStratum;
  vars.root_dispersion = kernel.max_error;
  vars.reference_id = kSystemClock;
  vars.reference_time = now.system;
  return vars;
}

std::unique_ptr<Upstream> MakeSystemUpstream(const std::optional<ntp::Address>& daemon,
                                             int8_t precision) {
  return std::make_unique<SystemUpstream>(daemon, precision);
}

}  // namespace fleetsync::relay
