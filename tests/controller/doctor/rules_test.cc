#include "tests/controller/doctor/rules_fixture.h"

namespace fleetsync::doctor {
namespace {

using facts::Daemon;
using observe::SourceState;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(Rules, AHealthyHostHasNoFinding) { EXPECT_THAT(Ids(), IsEmpty()); }

TEST_F(Rules, TwoDaemonsFight) {
  facts::DaemonFact other = facts.daemons[0];
  other.daemon = Daemon::kNtpClassic;
  other.pid = 16;
  facts.daemons.push_back(other);
  ASSERT_THAT(Ids(), ElementsAre("two-daemons"));
  EXPECT_EQ(Findings()[0].severity, Severity::kError);
  EXPECT_THAT(Findings()[0].what, HasSubstr("chrony (15), ntp (16)"));
}

TEST_F(Rules, TheAgentBesideADaemonIsNoSecondOne) {
  facts::DaemonFact agent = facts.daemons[0];
  agent.daemon = Daemon::kAgent;
  facts.daemons.push_back(agent);
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, NothingKeepsTheClock) {
  facts.daemons[0].running = false;
  observation = {};
  EXPECT_THAT(Ids(), ElementsAre("no-daemon"));
  facts.time_jobs = {"/etc/crontab: 0 12 * * * root ntpdate relay"};
  EXPECT_THAT(Ids(), ElementsAre("job-steps-clock"));
}

TEST_F(Rules, ADaemonThatDoesNotStartAtBoot) {
  facts.daemons[0].enabled = false;
  EXPECT_THAT(Ids(), ElementsAre("not-at-boot"));
}

TEST_F(Rules, AStrangerOnUdp123) {
  facts.udp123_holder = "perl (99)";
  EXPECT_THAT(Ids(), ElementsAre("port-held"));
}

TEST_F(Rules, AContainerWithoutTheRight) {
  facts.can_set_clock = false;
  facts.container = true;
  facts.container_kind = "docker";
  EXPECT_THAT(Ids(), ElementsAre("no-cap-sys-time"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("(docker)"));
}

TEST_F(Rules, AJobBesideADaemonAndOneThatRunsEveryMinute) {
  facts.time_jobs = {"/var/spool/cron/crontabs/root: * */1 * * * /usr/sbin/ntpdate relay"};
  EXPECT_THAT(Ids(), ElementsAre("every-minute", "job-beside-daemon"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("\"* */1\" runs every minute, not every 1 hours"));
  facts.time_jobs = {"/etc/cron.d/fleetsync: 5 5 * * * root (hwclock --systohc)"};
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, ADaemonThatDoesNotAnswer) {
  observation.state = {};
  observation.state.daemon = "chrony";
  observation.state.trouble = "506 Cannot talk to daemon";
  EXPECT_THAT(Ids(), ElementsAre("mute"));
}

TEST_F(Rules, SourcesThatDoNotAnswer) {
  observation.state.sources[1].reach = uint8_t{0};
  EXPECT_THAT(Ids(), ElementsAre("silent-source"));
  for (observe::Source& source : observation.state.sources) source.reach = uint8_t{0};
  observation.state.leap = observe::Leap::kUnsynchronised;
  EXPECT_THAT(Ids(), ElementsAre("no-source"));
  observation.state.sources.clear();
  EXPECT_THAT(Ids(), ElementsAre("no-sources"));
}

TEST_F(Rules, SourcesThatAnswerAndAreNotFollowed) {
  observation.state.leap = observe::Leap::kUnsynchronised;
  EXPECT_THAT(Ids(), ElementsAre("unsynchronised"));
}

TEST_F(Rules, AFalseticker) {
  observation.state.sources[2].state = SourceState::kFalseticker;
  ASSERT_THAT(Ids(), ElementsAre("falseticker"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("ntp3 disagrees"));
}

TEST_F(Rules, TwoSourcesAreTheWorstNumber) {
  observation.state.sources.pop_back();
  EXPECT_THAT(Ids(), ElementsAre("two-sources"));
  host.role = inventory::Role::kRelay;
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, AClockThatClaimsToBeRight) {
  SetConfig("server 127.127.1.0\nfudge 127.127.1.0 stratum 0\n");
  EXPECT_THAT(Ids(), ElementsAre("fudge-stratum-0", "local-clock"));
  host.role = inventory::Role::kRelay;
  SetConfig("local stratum 10\nserver 127.127.1.0\nfudge 127.127.1.0 stratum 10\n");
  EXPECT_THAT(Ids(), IsEmpty());
  host.role = inventory::Role::kClient;
  SetConfig("# local stratum 10\n");
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, AccessListsThatSayMoreOrLessThanMeant) {
  host.role = inventory::Role::kRelay;
  SetConfig("restrict default ignore\n");
  EXPECT_THAT(Ids(), ElementsAre("serves-nobody"));
  SetConfig("restrict default noserve\nrestrict 192.168.44.0 mask 255.255.255.0\n");
  EXPECT_THAT(Ids(), IsEmpty());
  SetConfig("restrict 192.168.44.130 mask 255.255.255.0 nomodify\n");
  ASSERT_THAT(Ids(), ElementsAre("mask-opens-more"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("not for 192.168.44.130 alone"));
}

TEST_F(Rules, AnOwnClockNearerToUtcThanRealServers) {
  host.role = inventory::Role::kRelay;
  SetConfig("server ntp1\nfudge 127.127.1.0 stratum 4 # low\n");
  ASSERT_THAT(Ids(), ElementsAre("low-local-stratum"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("/etc/chrony/chrony.conf:2: \"fudge"));
  SetConfig("local stratum 2 orphan\n");
  EXPECT_THAT(Ids(), ElementsAre("low-local-stratum"));
  SetConfig("fudge 127.127.1.0 stratum 5\nfudge 127.127.20.0 stratum 0\nlocal\nmaxstratum 3\n");
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, HostBitsBelowAMask) {
  SetConfig("restrict 10.1.2.0 mask 255.255.0.0\n");
  EXPECT_THAT(Ids(), ElementsAre("mask-opens-more"));
  SetConfig("allow 192.168.44.130/24\n");
  EXPECT_THAT(Ids(), ElementsAre("mask-opens-more"));
  SetConfig(
      "restrict 192.168.44.128 mask 255.255.255.128\nrestrict 192.168.44.130\n"
      "restrict 192.168.44.130 mask 255.255.255.255\nrestrict ::1\nallow 10/8\n"
      "allow 192.168.44.130\nallow 192.168.44.130/32\nallow 0.0.0.0/0\n"
      "restrict 192.168.44.130 mask nonsense\n");
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, AJobThatWritesWhatItHeardToTheHardwareClock) {
  facts.daemons[0].running = false;
  observation = {};
  facts.time_jobs = {"/etc/crontab: 30 8 * * * root /usr/sbin/ntpdate relay; /sbin/hwclock -w"};
  EXPECT_THAT(Ids(), ElementsAre("job-writes-rtc", "job-steps-clock"));
  facts.time_jobs = {"/etc/crontab: 30 8 * * * root ntpdate relay && hwclock --systohc --utc"};
  EXPECT_THAT(Ids(), ElementsAre("job-writes-rtc", "job-steps-clock"));
  facts.time_jobs = {"/etc/crontab: 30 8 * * * root hwclock -w",
                     "/etc/crontab: 30 8 * * * root ntpdate relay; hwclock --show"};
  EXPECT_THAT(Ids(), ElementsAre("job-steps-clock", "job-steps-clock"));
}

// ---- how far it is off

class PanicRule : public Rules {
 protected:
  PanicRule() {
    facts.daemons[0].daemon = Daemon::kNtpClassic;
    answers.arguments = "/usr/sbin/ntpd -p /var/run/ntpd.pid -u 102:103";
    ahead = seconds(5000);
  }
};

TEST_F(PanicRule, BeyondNtpdsThousandSeconds) {
  ASSERT_THAT(Ids(), ElementsAre("beyond-panic"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("without -g"));
  EXPECT_EQ(Findings()[0].todo, "fleetsync sync-all --limit web07 sets it; then start the daemon");
  ahead = -seconds(5000);
  EXPECT_THAT(Findings()[0].what, HasSubstr("behind this machine's"));
  ahead = seconds(1000);
  EXPECT_THAT(Ids(), IsEmpty());
  ahead.reset();
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(PanicRule, APanicGateIsNoPanic) {
  for (const char* arguments : {"ntpd -g", "ntpd -4g -u 1:2", "ntpd --panicgate"}) {
    answers.arguments = arguments;
    EXPECT_THAT(Ids(), ElementsAre("far-off")) << arguments;
  }
  for (const char* arguments : {"ntpd -u group", "ntpd -c/etc/g", "ntpd --config=-g"}) {
    answers.arguments = arguments;
    EXPECT_THAT(Ids(), ElementsAre("beyond-panic")) << arguments;
  }
}

TEST_F(PanicRule, WhatItWouldBeStartedWith) {
  answers.arguments.clear();
  EXPECT_THAT(Ids(), ElementsAre("far-off"));
  facts.files["/etc/default/ntp"].content = "# NTPD_OPTS='-x'\nNTPD_OPTS='-g'\n";
  EXPECT_THAT(Ids(), ElementsAre("far-off"));
  facts.files["/etc/default/ntp"].content = "NTPD_OPTS=''\n";
  EXPECT_THAT(Ids(), ElementsAre("beyond-panic"));
}

TEST_F(PanicRule, TinkerSetsTheThreshold) {
  SetConfig("tinker panic 0\n");
  EXPECT_THAT(Ids(), ElementsAre("far-off"));
  SetConfig("tinker panic 10\n");
  ahead = seconds(11);
  EXPECT_THAT(Ids(), ElementsAre("beyond-panic"));
  ahead = seconds(9);
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(PanicRule, ChronydsMaxchange) {
  facts.daemons[0].daemon = Daemon::kChrony;
  EXPECT_THAT(Ids(), ElementsAre("far-off"));
  SetConfig("server ntp1\nmaxchange 3.5 1 2\n");
  ahead = -seconds(4);
  ASSERT_THAT(Ids(), ElementsAre("beyond-panic"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("/etc/chrony/chrony.conf:2: \"maxchange 3.5 1 2\""));
  ahead = -seconds(3);
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Rules, ZoneAndHardwareClock) {
  host.time.timezone = "Europe/Berlin";
  facts.timezone = "Etc/UTC";
  facts.rtc_is_local = true;
  EXPECT_THAT(Ids(), ElementsAre("timezone", "rtc-local"));
}

TEST_F(Rules, AHostCannotSteerTheTerminal) {
  facts.udp123_holder = "\033]0;evil\007 (1)";
  EXPECT_THAT(Findings()[0].what, Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace fleetsync::doctor
