#include "agent/clock/system_clock.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <utility>

#include "fmt/format.h"

namespace fleetsync {
namespace {

constexpr double kFreqUnitsPerPpm = 65536;  // timex.freq counts 2^-16 ppm
constexpr double kMaxFreqPpm = 500;         // MAXFREQ
constexpr long kNominalTick = 10'000;       // microseconds in a tick of 1/100 s (USER_HZ)
constexpr double kPpmPerTick = 100;         // one microsecond more in 10 ms
constexpr double kMaxPpm = 100'000;         // 1000 ticks: the kernel takes 9000 to 11000
constexpr Duration kMaxPhase = std::chrono::milliseconds(500);         // MAXPHASE
constexpr Duration kMaxError = std::chrono::microseconds(16'000'000);  // NTP_PHASE_LIMIT

// The kernel's loop takes a quarter of the offset away each second (SHIFT_PLL, time constant 0) and
// leaves the frequency alone.
constexpr int kLoopFlags = STA_PLL | STA_FREQHOLD;
constexpr int kSyncFlags = STA_UNSYNC | STA_INS | STA_DEL;
constexpr int kReadOnlyFlags = STA_RONLY;
constexpr int kOurFlags = kLoopFlags | STA_FLL | kSyncFlags | kReadOnlyFlags;

struct Rate {
  long freq;
  long tick;
};

// As many ticks as leave a remainder that `freq` can say.
Rate Split(Ppm frequency) {
  const double ppm = std::clamp(frequency.value, -kMaxPpm, kMaxPpm);
  const double ticks = std::abs(ppm) <= kMaxFreqPpm ? 0 : std::round(ppm / kPpmPerTick);
  const double rest = ppm - ticks * kPpmPerTick;
  return {std::lround(rest * kFreqUnitsPerPpm), kNominalTick + std::lround(ticks)};
}

long MicrosecondsUp(Duration d) {
  const Duration bounded = std::clamp(d, Duration::zero(), kMaxError);
  return static_cast<long>(std::chrono::ceil<std::chrono::microseconds>(bounded).count());
}

int FlagsOf(const ntp::KernelSync& sync) {
  if (!sync.synchronised) return STA_UNSYNC;
  switch (sync.leap) {
    case ntp::Leap::kInsert:
      return STA_INS;
    case ntp::Leap::kDelete:
      return STA_DEL;
    case ntp::Leap::kNone:
      return 0;
    case ntp::Leap::kUnsynchronised:
      return STA_UNSYNC;
  }
  return STA_UNSYNC;
}

SystemTime TimeOf(const timex& t) {
  const auto fraction = (t.status & STA_NANO) != 0 ? Duration(t.time.tv_usec)
                                                   : std::chrono::microseconds(t.time.tv_usec);
  return SystemTime(std::chrono::seconds(t.time.tv_sec) + fraction);
}

}  // namespace

SystemClock::SystemClock()
    : SystemClock([](timex* t) { return clock_adjtime(CLOCK_REALTIME, t); }, LoadTaiTable()) {}

SystemClock::SystemClock(AdjustCall call, std::optional<TaiTable> tai)
    : call_(std::move(call)), tai_(std::move(tai)), sync_flags_(STA_UNSYNC) {}

ClockLimits SystemClock::limits() { return {{kMaxPpm}, kMaxPhase}; }

Status SystemClock::Call(timex& request, const char* doing) {
  if (call_(&request) >= 0) {
    not_ours_ = request.status & ~kOurFlags;
    kernel_tai_ = request.tai;
    return absl::OkStatus();
  }
  const Status refused = ErrnoStatus(errno, doing);
  if (refused.code() != absl::StatusCode::kPermissionDenied) return refused;
  return absl::PermissionDeniedError(fmt::format(
      "{}; this takes root or the capability CAP_SYS_TIME, and in a container the clock "
      "is the host's: run the agent there, or with --no-clock-control here",
      Message(refused)));
}

int SystemClock::StatusWord() const { return not_ours_ | kLoopFlags | sync_flags_; }

Status SystemClock::Reset() {
  timex read{};
  FS_RETURN_IF_ERROR(Call(read, "reading the clock's state"));
  timex adjtime{};
  adjtime.modes = ADJ_OFFSET_SINGLESHOT;
  FS_RETURN_IF_ERROR(Call(adjtime, "taking over the clock"));
  timex request{};
  request.modes = ADJ_TICK | ADJ_NANO | ADJ_STATUS | ADJ_OFFSET | ADJ_TIMECONST;
  request.tick = kNominalTick;
  if (read.tick != kNominalTick) request.modes |= ADJ_FREQUENCY;  // to 0
  request.status = StatusWord();
  return Call(request, "taking over the clock");
}

StatusOr<Ppm> SystemClock::ReadFrequency() const {
  timex read{};
  if (call_(&read) < 0) return ErrnoStatus(errno, "reading the clock's frequency");
  return Ppm{static_cast<double>(read.freq) / kFreqUnitsPerPpm +
             static_cast<double>(read.tick - kNominalTick) * kPpmPerTick};
}

StatusOr<bool> SystemClock::IsSynchronised() const {
  timex read{};
  if (call_(&read) < 0) return ErrnoStatus(errno, "reading the clock's state");
  return (read.status & STA_UNSYNC) == 0;
}

Status SystemClock::Step(Duration offset) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(offset);
  timex request{};
  request.modes = ADJ_SETOFFSET | ADJ_NANO;
  request.time.tv_sec = whole.count();
  request.time.tv_usec = (offset - whole).count();  // ADJ_NANO: nanoseconds, never negative
  FS_RETURN_IF_ERROR(Call(request, "stepping the clock"));
  sync_flags_ = STA_UNSYNC;  // as the kernel does
  return absl::OkStatus();
}

Status SystemClock::Adjust(Ppm frequency, Duration slew) {
  const Rate rate = Split(frequency);
  timex request{};
  request.modes = ADJ_FREQUENCY | ADJ_TICK | ADJ_OFFSET | ADJ_TIMECONST | ADJ_NANO | ADJ_STATUS;
  request.freq = rate.freq;
  request.tick = rate.tick;
  request.offset = std::clamp(slew, -kMaxPhase, kMaxPhase).count();
  request.constant = 0;
  request.status = StatusWord();
  return Call(request, "adjusting the clock");
}

Status SystemClock::SetKernelSync(const ntp::KernelSync& sync) {
  sync_flags_ = FlagsOf(sync);
  timex request{};
  request.modes = ADJ_STATUS | ADJ_NANO | ADJ_MAXERROR | ADJ_ESTERROR;
  request.status = StatusWord();
  request.maxerror = MicrosecondsUp(sync.max_error);
  request.esterror = MicrosecondsUp(sync.est_error);
  FS_RETURN_IF_ERROR(Call(request, "telling the kernel about its clock"));
  return sync.synchronised ? SetTai(TimeOf(request)) : absl::OkStatus();
}

// A call of its own: the kernel takes this value from the field that holds the time constant.
Status SystemClock::SetTai(SystemTime now) {
  const std::optional<int> tai = tai_ ? tai_->At(now) : std::nullopt;
  if (!tai || tai == kernel_tai_) return absl::OkStatus();
  timex request{};
  request.modes = ADJ_TAI;
  request.constant = *tai;
  return Call(request, "setting the offset of TAI");
}

}  // namespace fleetsync
