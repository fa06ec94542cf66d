#include "controller/doctor/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetsync::doctor {
namespace {

using facts::Daemon;
using observe::SourceState;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// A host with nothing wrong; each test makes one thing wrong.
class Rules : public testing::Test {
 protected:
  Rules() {
    host.name = "web07";
    facts.init = facts::Init::kSystemd;
    facts::DaemonFact& chrony = facts.daemons.emplace_back();
    chrony.daemon = Daemon::kChrony;
    chrony.service = "chrony";
    chrony.config_path = "/etc/chrony/chrony.conf";
    chrony.running = chrony.enabled = true;
    chrony.pid = 15;
    facts.udp123_held = true;
    facts.udp123_holder = "chronyd (15)";
    SetConfig("server ntp1 iburst\n");
    observe::DaemonState& state = observation.state;
    state.daemon = "chrony";
    state.answered = true;
    state.leap = observe::Leap::kNone;
    state.stratum = 3;
    for (const char* name : {"ntp1", "ntp2", "ntp3"}) {
      observe::Source& source = state.sources.emplace_back();
      source.name = name;
      source.state = SourceState::kCandidate;
      source.reach = uint8_t{0377};
    }
  }

  void SetConfig(const std::string& text) {
    facts::FileFact& file = facts.files["/etc/chrony/chrony.conf"];
    file.exists = file.readable = true;
    file.content = text;
  }
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    for (const Finding& finding : Findings()) ids.push_back(finding.id);
    return ids;
  }
  std::vector<Finding> Findings() const {
    return Examine({host, facts, observation, answers, fleet, ahead});
  }

  inventory::Host host;
  facts::Facts facts;
  observe::Observation observation;
  HostAnswers answers;
  std::set<std::string> fleet;
  std::optional<Duration> ahead;
};

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
