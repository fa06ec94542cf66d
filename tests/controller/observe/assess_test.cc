#include "controller/observe/assess.h"

#include "gmock/gmock.h"

namespace fleetsync::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using sync::Estimate;

constexpr SystemTime kNow{std::chrono::hours(500'000)};

// A synchronised daemon that claims this offset.
Observation Claims(Duration offset, std::optional<Duration> bound) {
  Observation observation;
  DaemonState& state = observation.state;
  state.daemon = "chrony";
  state.answered = true;
  state.leap = Leap::kNone;
  state.stratum = 3;
  state.offset = offset;
  state.error_bound = bound;
  Source source;
  source.name = "198.18.0.1";
  source.state = SourceState::kSelected;
  source.reach = uint8_t{0377};
  state.sources.push_back(source);
  return observation;
}

TEST(Assess, ADaemonThatAgreesWithTheMeasurementIsFinerThanIt) {
  const status::Reading reading =
      Assess(Claims(microseconds(20), microseconds(50)),
             Estimate{.offset = microseconds(300), .bound = microseconds(400)}, kNow);
  EXPECT_EQ(reading.offset, microseconds(20));
  EXPECT_EQ(reading.error_bound, microseconds(50));
  EXPECT_EQ(reading.measured, microseconds(300));
  EXPECT_EQ(reading.measured_bound, microseconds(400));
  EXPECT_EQ(reading.source, "198.18.0.1");
  EXPECT_EQ(reading.reach, 0377);
  EXPECT_EQ(reading.stratum, 3);
  EXPECT_EQ(reading.at, kNow);
}

TEST(Assess, ADaemonThatContradictsTheMeasurementIsNotBelieved) {
  const status::Reading reading =
      Assess(Claims(microseconds(20), microseconds(50)),
             Estimate{.offset = milliseconds(200), .bound = microseconds(400)}, kNow);
  EXPECT_EQ(reading.offset, milliseconds(200));
  EXPECT_EQ(reading.error_bound, microseconds(400));
}

TEST(Assess, IntervalsThatTouchDoNotContradict) {
  const status::Reading reading =
      Assess(Claims(microseconds(0), microseconds(50)),
             Estimate{.offset = microseconds(450), .bound = microseconds(400)}, kNow);
  EXPECT_EQ(reading.offset, microseconds(0));
}

TEST(Assess, WithoutABoundOfItsOwnTheMeasurementCounts) {
  const status::Reading reading =
      Assess(Claims(microseconds(20), std::nullopt),
             Estimate{.offset = microseconds(300), .bound = microseconds(400)}, kNow);
  EXPECT_EQ(reading.offset, microseconds(300));
  EXPECT_EQ(reading.leap, 0) << "it is synchronised all the same";
}

TEST(Assess, WithNeitherABoundNorAMeasurementAHostIsNotCalledRight) {
  const status::Reading reading =
      Assess(Claims(microseconds(20), std::nullopt), std::nullopt, kNow);
  EXPECT_EQ(reading.stratum, 16);
  EXPECT_EQ(reading.leap, 3);
}

TEST(Assess, AnUnsynchronisedDaemonsOffsetIsNotTaken) {
  Observation observation = Claims(microseconds(20), microseconds(50));
  observation.state.leap = Leap::kUnsynchronised;
  const status::Reading reading =
      Assess(observation, Estimate{.offset = milliseconds(30), .bound = milliseconds(1)}, kNow);
  EXPECT_EQ(reading.offset, milliseconds(30));
  EXPECT_EQ(reading.leap, 3);
}

TEST(Assess, WithoutADaemonTheMeasurementIsAllThereIs) {
  const status::Reading reading =
      Assess({}, Estimate{.offset = milliseconds(30), .bound = milliseconds(1)}, kNow);
  EXPECT_EQ(reading.offset, milliseconds(30));
  EXPECT_EQ(reading.daemon, "");
  EXPECT_EQ(reading.stratum, 16);
  EXPECT_EQ(reading.leap, 3);
  EXPECT_EQ(reading.reach, std::nullopt);
}

TEST(Assess, WithoutAMeasurementTheDaemonsWordStands) {
  const status::Reading reading =
      Assess(Claims(microseconds(20), microseconds(50)), std::nullopt, kNow);
  EXPECT_EQ(reading.offset, microseconds(20));
  EXPECT_EQ(reading.measured, std::nullopt);
}

TEST(Assess, ADaemonThatTellsNoStratumIsNotUnsynchronisedForThat) {
  Observation observation = Claims(microseconds(20), microseconds(50));
  observation.state.stratum = 0;
  status::HostInput host;
  host.reading = Assess(observation, std::nullopt, kNow);
  EXPECT_EQ(status::BuildFleetView(std::vector{host}, kNow, {}).hosts[0].state,
            status::State::kSynced);
}

TEST(Assess, ARelayOnItsOwnClockNamesItAsItsSource) {
  Observation observation = Claims(Duration::zero(), Duration::zero());
  observation.state.sources.clear();
  observation.state.own_clock = true;
  EXPECT_EQ(Assess(observation, std::nullopt, kNow).source, "LOCAL");
}

}  // namespace
}  // namespace fleetsync::observe
