#include "controller/relay/system_time.h"

#include "gtest/gtest.h"

namespace fleetsync::relay {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Now kNow{MonoTime(seconds(100)), SystemTime(seconds(1'800'000'000))};

KernelState Kept() {
  return {.synchronised = true, .leap = ntp::Leap::kInsert, .max_error = milliseconds(16)};
}

serve::ServerAnswer Daemon() {
  serve::ServerAnswer state;
  state.packet = {.leap = ntp::Leap::kNone,
                  .mode = ntp::Mode::kServer,
                  .stratum = 2,
                  .root_delay = milliseconds(8),
                  .root_dispersion = milliseconds(3),
                  .reference_id = 0xc0000207,
                  .reference = ntp::ToTimestamp(kNow.system - seconds(40))};
  state.offset = milliseconds(-1);
  state.delay = milliseconds(2);
  return state;
}

TEST(SystemTime, TheDaemonsWordCounts) {
  const server::ServerVars vars = VarsOfSystemClock(kNow, {}, Daemon(), -24);
  EXPECT_TRUE(vars.synchronised());
  EXPECT_EQ(vars.stratum, 2);
  EXPECT_EQ(vars.leap, ntp::Leap::kNone);
  EXPECT_EQ(vars.reference_id, 0xc0000207u);
  EXPECT_EQ(vars.root_delay, milliseconds(8));
  EXPECT_EQ(vars.reference_time, kNow.system - seconds(40));
  EXPECT_EQ(vars.offset, Duration::zero());
}

TEST(SystemTime, HowFarTheDaemonsTimeIsFromTheClockIsPartOfTheDispersion) {
  EXPECT_EQ(VarsOfSystemClock(kNow, Kept(), Daemon(), -24).root_dispersion,
            milliseconds(3 + 1 + 1));
}

TEST(SystemTime, ADaemonThatIsLostIsBelieved) {
  serve::ServerAnswer lost = Daemon();
  lost.packet.leap = ntp::Leap::kUnsynchronised;
  EXPECT_FALSE(VarsOfSystemClock(kNow, Kept(), lost, -24).synchronised());
}

TEST(SystemTime, WithoutADaemonTheKernelsWordCounts) {
  const server::ServerVars vars = VarsOfSystemClock(kNow, Kept(), std::nullopt, -24);
  EXPECT_TRUE(vars.synchronised());
  EXPECT_EQ(vars.stratum, 10);
  EXPECT_EQ(vars.leap, ntp::Leap::kInsert);
  EXPECT_EQ(vars.root_dispersion, milliseconds(16));
  EXPECT_FALSE(VarsOfSystemClock(kNow, {}, std::nullopt, -24).synchronised());
}

}  // namespace
}  // namespace fleetsync::relay
