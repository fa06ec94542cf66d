#include "controller/observe/daemon_text.h"

#include "gmock/gmock.h"

namespace fleetsync::observe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

Observation Synchronised() {
  Observation observation;
  DaemonState& state = observation.state;
  state.daemon = "ntp";
  state.version = "4.2.8p15";
  state.answered = true;
  state.leap = Leap::kNone;
  state.stratum = 3;
  state.offset = -microseconds(1500);
  state.error_bound = milliseconds(257);
  state.frequency = Ppm{-3.25};
  state.sources = {{.name = "202.112.29.82",
                    .reference_id = "10.80.8.4",
                    .state = SourceState::kSelected,
                    .stratum = 2,
                    .reach = uint8_t{0377},
                    .poll = 6,
                    .last = seconds(61),
                    .offset = microseconds(1309),
                    .delay = microseconds(84571),
                    .jitter = microseconds(604),
                    .error_bound = {}}};
  Source far;
  far.name = "192.0.2.9";
  far.poll = 17;
  far.last = seconds(7300);
  state.sources.push_back(far);
  return observation;
}

TEST(SourcesText, LooksAsNtpqDoes) {
  EXPECT_EQ(SourcesText(Synchronised()),
            "ntp 4.2.8p15\n"
            " remote         refid      st  when  poll  reach   delay  offset  jitter\n"
            "*202.112.29.82  10.80.8.4   2    61    64    377  84.571   1.309   0.604\n"
            " 192.0.2.9      -          16    2h   36h      -       -       -       -\n");
}

TEST(SourcesText, AHostCannotSteerTheTerminal) {
  Observation observation = Synchronised();
  observation.state.sources[0].name = "\033]0;evil";
  EXPECT_THAT(SourcesText(observation), HasSubstr("*\\x1b]0;evil"));
}

TEST(SourcesText, SaysWhyThereIsNothingToShow) {
  EXPECT_EQ(SourcesText({}), "no time daemon runs\n");
  Observation mute;
  mute.state.daemon = "chrony";
  mute.state.trouble = "506 Cannot talk to daemon";
  EXPECT_EQ(SourcesText(mute), "chrony runs and does not answer: 506 Cannot talk to daemon\n");
  mute.state.answered = true;
  EXPECT_EQ(SourcesText(mute), "chrony\nno sources\n");
}

TEST(TrackingText, BeginsWithTheVerdictOfNtpstat) {
  EXPECT_THAT(TrackingText(Synchronised()),
              testing::StartsWith("synchronised to NTP server (202.112.29.82) at stratum 3\n"
                                  "   time correct to within 257 ms\n"
                                  "   polling server every 64 s\n"));
  EXPECT_THAT(TrackingText(Synchronised()), HasSubstr("offset          -1.50 ms\n"));
  EXPECT_THAT(TrackingText(Synchronised()), HasSubstr("frequency       -3.250 ppm\n"));
}

TEST(TrackingText, AnUnsynchronisedHostIsSaidToBeOne) {
  Observation observation = Synchronised();
  observation.state.leap = Leap::kUnsynchronised;
  EXPECT_THAT(TrackingText(observation), testing::StartsWith("unsynchronised\n"));
  EXPECT_THAT(TrackingText(observation), Not(HasSubstr("correct to within")));
}

TEST(TrackingText, AClockThatServesItselfClaimsNoBound) {
  Observation observation = Synchronised();
  observation.state.own_clock = true;
  observation.state.sources.clear();
  EXPECT_THAT(TrackingText(observation),
              testing::StartsWith("serves its own clock, as a local reference at stratum 3\n"));
  EXPECT_THAT(TrackingText(observation), Not(HasSubstr("correct to within")));
}

TEST(TrackingText, FurtherDaemonsAreNamed) {
  Observation observation = Synchronised();
  observation.others = {"chrony"};
  EXPECT_THAT(TrackingText(observation), HasSubstr("chrony: one clock can have one keeper"));
}

}  // namespace
}  // namespace fleetsync::observe
