#include "agent/daemon/once.h"

#include <poll.h>

#include <algorithm>

#include "agent/daemon/stop_signal.h"
#include "base/clock_read.h"
#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

constexpr Duration kKernelsMost = std::chrono::milliseconds(500);
constexpr Duration kDone = std::chrono::microseconds(50);
constexpr int kTurnMs = 1000;
constexpr Duration kPatience = std::chrono::minutes(1);
constexpr int kSlowest = 16;  // twice what the kernel needs for a second

bool Steps(const ntp::Snapshot& snapshot, const ntp::EngineConfig& engine) {
  return !engine.slew_only && Abs(snapshot.offset) >= engine.step_threshold;
}

// How far the clock was moved since `start`, beyond what `frequency` does.
Duration MovedSince(Now start, Now now, Ppm frequency) {
  const Duration elapsed = now.mono - start.mono;
  const Duration by_frequency = FromSeconds(ToSeconds(elapsed) * frequency.value * 1e-6);
  return (now.system - start.system) - elapsed - by_frequency;
}

}  // namespace

std::optional<Duration> SlewForTheNextSecond(Duration left) {
  if (Abs(left) <= kDone) return std::nullopt;
  return std::clamp(left, -kKernelsMost, kKernelsMost);
}

Status SetOnce(const ntp::Snapshot& snapshot, const ntp::EngineConfig& engine, Ppm frequency,
               Clock& clock, const Log& log) {
  if (Steps(snapshot, engine)) return clock.Step(snapshot.offset);
  log(fmt::format("slewing the clock by {}", FormatSigned(snapshot.offset)));
  const MonoTime deadline = snapshot.at.mono + kPatience + kSlowest * Abs(snapshot.offset);
  for (;;) {
    const Now now = ReadClocks();
    const Duration left = snapshot.offset - MovedSince(snapshot.at, now, frequency);
    const auto slew = SlewForTheNextSecond(left);
    if (!slew) return absl::OkStatus();
    FS_RETURN_IF_ERROR(clock.Adjust(frequency, *slew));
    if (now.mono > deadline) {
      return absl::DeadlineExceededError(
          fmt::format("slewing the clock: {} are left and it does not follow; does another program "
                      "set it?",
                      FormatSigned(left)));
    }
    poll(nullptr, 0, kTurnMs);  // a signal ends it early
    if (StopRequested()) return absl::AbortedError("slewing the clock: stopped before its end");
  }
}

std::string OnceLine(const ntp::Snapshot& snapshot, const ntp::EngineConfig& engine) {
  std::string server;
  for (const ntp::SourceSnapshot& s : snapshot.sources) {
    if (s.state == ntp::SourceState::kSelected) server = Printable(s.name);
  }
  return fmt::format("{} by {}, give or take {}; server {}\n",
                     Steps(snapshot, engine) ? "stepped" : "slewed", FormatSigned(snapshot.offset),
                     FormatDuration(snapshot.error_bound), server);
}

}  // namespace fleetsync::daemon
