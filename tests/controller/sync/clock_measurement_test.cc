#include "controller/sync/clock_measurement.h"

#include <gtest/gtest.h>

#include "tests/controller/sync/fake_clock_host.h"

namespace fleetsync::sync {
namespace {

struct Measured {
  StatusOr<Estimate> estimate;
  int sessions = 0;
};

Measured Measure(FakeClockHost& host) {
  ClockMeasurement measurement(10ms, 60s);
  Measured measured;
  std::optional<ssh::Command> command = measurement.Start(At(host.at));
  while (command) {
    EXPECT_FALSE(command->become);
    if (command->keep_input_open) {
      ++measured.sessions;
      host.Answer(measurement);
    } else {
      EXPECT_EQ(command->line, "sleep 1");
      host.at += 1s;
    }
    command = measurement.OnExit(At(host.at), {});
  }
  measured.estimate = measurement.result();
  return measured;
}

TEST(ClockMeasurement, IsContentWithABoundToJudgeBy) {
  FakeClockHost host{-2s, 4ms};
  const Measured measured = Measure(host);
  EXPECT_EQ(measured.sessions, 1);
  EXPECT_LE(measured.estimate->bound, 2100us);
  EXPECT_LE(Abs(measured.estimate->offset + 2s), measured.estimate->bound);
}

TEST(ClockMeasurement, GivesUpSoonOnABoundThatTheNetworkDoesNotAllow) {
  FakeClockHost host{-2s, 40ms};
  const Measured measured = Measure(host);
  EXPECT_EQ(measured.sessions, 3);
  EXPECT_LT(host.at, 6s);
  EXPECT_LE(measured.estimate->bound, 22ms);
  EXPECT_LE(Abs(measured.estimate->offset + 2s), measured.estimate->bound);
}

// Two hundred connections being set up delay the answers; once they are up, they do not.
TEST(ClockMeasurement, WaitsOutABusyTime) {
  FakeClockHost host{-2s, 80ms};
  host.quiet_from = 3s;
  const Measured measured = Measure(host);
  EXPECT_LE(measured.estimate->bound, 500us);
  EXPECT_LE(Abs(measured.estimate->offset + 2s), measured.estimate->bound);
}

TEST(ClockMeasurement, PassesOnWhatTheShellSaid) {
  ClockMeasurement measurement(10ms, 60s);
  measurement.Start(At(0s));
  measurement.OnOutput(At(0s), "sh: not found\n", true);
  EXPECT_FALSE(measurement.OnExit(At(0s), {.code = 127, .signal = ""}));
  EXPECT_EQ(measurement.result().status(),
            absl::UnavailableError("measuring the clock: the host's shell ended with 127 before it "
                                   "had answered: sh: not found"));
}

}  // namespace
}  // namespace fleetsync::sync
