#include "controller/status/fleet_view.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/status/fleet_builder.h"

namespace fleetsync::status {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

State StateOf(const HostInput& host) {
  return BuildFleetView(std::vector<HostInput>{host}, kNow, {}).hosts.at(0).state;
}

std::vector<std::string> Names(const FleetView& view) {
  std::vector<std::string> names;
  for (const HostView& host : view.hosts) names.push_back(host.input.host);
  return names;
}

TEST(FleetView, OffsetAndBoundTogetherMustBeWithinTolerance) {
  EXPECT_EQ(StateOf(HostAt("a", 4ms, 6ms)), State::kSynced);
  EXPECT_EQ(StateOf(HostAt("a", -4ms, 6ms)), State::kSynced);
  EXPECT_EQ(StateOf(HostAt("a", 4ms, 6ms + 1ns)), State::kConverging) << "not proven";
  EXPECT_EQ(StateOf(HostAt("a", -11ms, 0ms)), State::kOff);
  EXPECT_EQ(StateOf(HostAt("a", 0ms, 101ms)), State::kOff)
      << "an unknown offset is not a small one";
}

TEST(FleetView, ToleranceIsTheHostsOwn) {
  HostInput host = HostAt("a", 30ms, 1ms);
  host.tolerance = 50ms;
  EXPECT_EQ(StateOf(host), State::kSynced);
  host.tolerance = 1ms;
  EXPECT_EQ(StateOf(host), State::kOff);
}

TEST(FleetView, AHostThatFollowsNothingIsUnsynchronisedHoweverSmallItsOffset) {
  for (const uint8_t stratum : {uint8_t{0}, uint8_t{16}}) {
    HostInput host = HostAt("a", 0ms, 1us);
    host.reading->stratum = stratum;
    EXPECT_EQ(StateOf(host), State::kUnsynchronised) << int{stratum};
  }
  HostInput host = HostAt("a", 0ms, 1us);
  host.reading->leap = 3;
  EXPECT_EQ(StateOf(host), State::kUnsynchronised);
  host.reading->leap = 1;
  EXPECT_EQ(StateOf(host), State::kSynced) << "a leap second ahead is no fault";
}

TEST(FleetView, AnOldReportIsStaleWhateverItSays) {
  EXPECT_EQ(StateOf(HostAt("a", 0ms, 1us, 60s)), State::kSynced);
  EXPECT_EQ(StateOf(HostAt("a", 0ms, 1us, 60s + 1ns)), State::kStale);
  EXPECT_EQ(StateOf(HostAt("a", 5s, 1us, 2h)), State::kStale);
}

TEST(FleetView, AReportFromTheFutureIsStaleToo) {
  EXPECT_EQ(StateOf(HostAt("a", 0ms, 1us, -1s)), State::kSynced);
  EXPECT_EQ(StateOf(HostAt("a", 0ms, 1us, -1h)), State::kStale);
}

TEST(FleetView, NoReportIsSilentAndAFailedQuestionIsUnreachable) {
  EXPECT_EQ(StateOf(SilentHost("a")), State::kSilent);
  EXPECT_EQ(StateOf(UnreachableHost("a", "connect: refused")), State::kUnreachable);
}

std::vector<HostInput> MixedFleet() {
  HostInput unsynchronised = HostAt("u", 0ms, 1ms);
  unsynchronised.reading->stratum = 16;
  return {HostAt("s-small", 1ms, 1ms),
          SilentHost("silent"),
          HostAt("off-2", 20ms, 1ms),
          HostAt("s-large", -5ms, 1ms),
          HostAt("stale", 0ms, 1ms, 1h),
          UnreachableHost("gone", "connect: refused"),
          unsynchronised,
          HostAt("off-1", -90ms, 1ms)};
}

TEST(FleetView, TheWorstComesFirst) {
  const FleetView view = BuildFleetView(MixedFleet(), kNow, {});
  EXPECT_THAT(Names(view),
              ElementsAre("off-1", "off-2", "u", "stale", "gone", "silent", "s-large", "s-small"));
}

TEST(FleetView, AFilterChangesWhatIsListedNotWhatIsCounted) {
  FleetView view = BuildFleetView(MixedFleet(), kNow, {});
  KeepMatching({.states = {State::kOff, State::kStale}, .name = "o", .top = 2}, view);
  EXPECT_THAT(Names(view), ElementsAre("off-1", "off-2"));
  EXPECT_EQ(view.summary.expected, 8u);
  EXPECT_EQ(ExitCodeOf(view), 4);
  view = BuildFleetView(MixedFleet(), kNow, {});
  KeepMatching({.states = {}, .name = "s-", .top = 0}, view);
  EXPECT_THAT(Names(view), ElementsAre("s-large", "s-small"));
}

TEST(FleetView, SortsByNameAndByOffset) {
  EXPECT_THAT(Names(BuildFleetView(MixedFleet(), kNow, {.sort = Sort::kName})),
              ElementsAre("gone", "off-1", "off-2", "s-large", "s-small", "silent", "stale", "u"));
  EXPECT_THAT(Names(BuildFleetView(MixedFleet(), kNow, {.sort = Sort::kOffset})),
              ElementsAre("off-1", "off-2", "s-large", "s-small", "stale", "u", "gone", "silent"));
}

TEST(FleetView, EveryHostIsCountedOnce) {
  const Summary summary = BuildFleetView(MixedFleet(), kNow, {}).summary;
  EXPECT_EQ(summary.expected, 8u);
  EXPECT_EQ(summary.reporting, 5u);
  EXPECT_EQ(summary.within_tolerance, 2u);
  EXPECT_EQ(summary.count(State::kSynced), 2u);
  EXPECT_EQ(summary.count(State::kOff), 2u);
  EXPECT_EQ(summary.count(State::kUnsynchronised), 1u);
  EXPECT_EQ(summary.count(State::kStale), 1u);
  EXPECT_EQ(summary.count(State::kUnreachable), 1u);
  EXPECT_EQ(summary.count(State::kSilent), 1u);
}

TEST(FleetView, StaleHostsHaveNoShareInThePercentiles) {
  const std::vector<HostInput> hosts = {HostAt("a", 1ms, 1ms), HostAt("b", -2ms, 3ms),
                                        HostAt("c", 900ms, 900ms, 1h), SilentHost("d")};
  const Summary summary = BuildFleetView(hosts, kNow, {}).summary;
  EXPECT_EQ(summary.offset->p50, 1ms);
  EXPECT_EQ(summary.offset->max, 2ms);
  EXPECT_EQ(summary.error_bound->max, 3ms);
}

TEST(FleetView, AClockThatFollowsNothingCountsByWhatWasMeasured) {
  HostInput measured = HostAt("m", 0ms, 0ms), unknown = HostAt("u", 0ms, 0ms);
  for (HostInput* host : {&measured, &unknown}) host->reading->stratum = 16;
  measured.reading->measured = -63s;
  measured.reading->measured_bound = 45us;
  const std::vector<HostInput> hosts = {measured, unknown, HostAt("a", 1ms, 1ms)};
  const Summary summary = BuildFleetView(hosts, kNow, {}).summary;
  EXPECT_EQ(summary.count(State::kUnsynchronised), 2u);
  EXPECT_EQ(summary.offset->max, 63s);
  EXPECT_EQ(summary.offset->p50, 1ms) << "of two hosts";
  EXPECT_EQ(summary.error_bound->p50, 45us);
}

TEST(FleetView, PercentilesAreValuesThatWereThere) {
  std::vector<HostInput> hosts;
  for (int i = 1; i <= 100; ++i)
    hosts.push_back(HostAt("h" + std::to_string(i), i % 2 == 0 ? i * 1us : i * -1us, 1us));
  const Summary summary = BuildFleetView(hosts, kNow, {}).summary;
  EXPECT_EQ(summary.offset->p50, 50us);
  EXPECT_EQ(summary.offset->p95, 95us);
  EXPECT_EQ(summary.offset->p99, 99us);
  EXPECT_EQ(summary.offset->max, 100us);
}

TEST(FleetView, TwoSyncedHostsDisagreeAtMostByTheSpreadOfTheirIntervals) {
  // [0.5, 1.5], [-3, -1] and, out of tolerance, [99, 101] milliseconds.
  const std::vector<HostInput> hosts = {HostAt("a", 1ms, 500us), HostAt("b", -2ms, 1ms),
                                        HostAt("c", 100ms, 1ms)};
  EXPECT_EQ(BuildFleetView(hosts, kNow, {}).summary.agreement, 4500us);
}

TEST(FleetView, OneSyncedHostAgreesWithNobody) {
  const std::vector<HostInput> hosts = {HostAt("a", 1ms, 500us), SilentHost("b")};
  EXPECT_EQ(BuildFleetView(hosts, kNow, {}).summary.agreement, std::nullopt);
}

TEST(FleetView, ToleranceIsNamedOnlyWhenItIsEverybodys) {
  std::vector<HostInput> hosts = {HostAt("a", 1ms, 500us), HostAt("b", 1ms, 500us)};
  EXPECT_EQ(BuildFleetView(hosts, kNow, {}).summary.tolerance, Duration(10ms));
  hosts[1].tolerance = 1ms;
  EXPECT_EQ(BuildFleetView(hosts, kNow, {}).summary.tolerance, std::nullopt);
}

TEST(FleetView, ExitCodes) {
  const auto code = [](const std::vector<HostInput>& hosts) {
    return ExitCodeOf(BuildFleetView(hosts, kNow, {}));
  };
  const HostInput well = HostAt("well", 0ms, 1ms), off = HostAt("off", 1s, 1ms);
  HostInput unsynchronised = HostAt("u", 0ms, 1ms);
  unsynchronised.reading->stratum = 16;
  EXPECT_EQ(code({well}), 0);
  EXPECT_EQ(code({well, off}), 4);
  EXPECT_EQ(code({well, unsynchronised}), 4);
  EXPECT_EQ(code({well, SilentHost("s")}), 1);
  EXPECT_EQ(code({well, HostAt("stale", 0ms, 1ms, 1h)}), 1);
  EXPECT_EQ(code({well, UnreachableHost("gone", "refused")}), 1);
  EXPECT_EQ(code({SilentHost("s"), off}), 4) << "known to be wrong comes before not known";
}

}  // namespace
}  // namespace fleetsync::status
