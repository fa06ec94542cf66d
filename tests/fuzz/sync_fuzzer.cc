// What hosts answer while their clocks are measured and set: they may be broken or hostile.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "controller/sync/clock_measurement.h"
#include "controller/sync/clock_reading.h"
#include "controller/sync/relay_conversation.h"
#include "controller/sync/set_script.h"

namespace {

using namespace fleetsync;
using namespace fleetsync::sync;

void Check(bool condition) {
  if (!condition) std::abort();
}

Now At(Duration since) {
  return {.mono = MonoTime(since),
          .system = SystemTime(std::chrono::seconds(1'800'000'000) + since)};
}

void CheckReadings(std::string_view input) {
  for (const std::string_view line : Split(input, '\n')) {
    const auto reading = ParseClockReading(line);
    if (!reading) continue;
    Check(reading->earliest < reading->latest);
    Check(reading->latest - reading->earliest <= std::chrono::seconds(1));
    Check(reading->earliest.time_since_epoch() >= Duration::zero());
  }
}

// Whatever a host says, a measurement asks one question at a time, ends, and never is both narrower
// than a round trip allows and sure of itself.
void CheckMeasurement(std::string_view input) {
  ClockMeasurement measurement(std::chrono::milliseconds(10), std::chrono::seconds(60));
  Duration at{};
  measurement.Start(At(at));
  for (const std::string_view line : Split(input, '\n')) {
    at += std::chrono::milliseconds(1);
    measurement.OnOutput(At(at), std::string(line) + "\n", false);
  }
  int commands = 0;
  while (measurement.OnExit(At(at), {})) {
    at += std::chrono::seconds(1);
    Check(++commands < 100);
  }
  if (measurement.result().ok()) Check(measurement.result()->bound >= Duration::zero());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  CheckReadings(input);
  CheckMeasurement(input);
  const auto set = ParseSetResult(input);
  if (set.ok()) Check(!set->ok() || !set->NoServer());
  RelayState relay;
  ReadDaemonState(input, relay);
  Check((relay.kind == RelayState::Kind::kSynchronised) ==
        (relay.kind == RelayState::Kind::kSynchronised && relay.stratum > 0 && relay.stratum < 16));
  Check(!IsServerName(input) || ShellQuote(input) == input);
  return 0;
}
