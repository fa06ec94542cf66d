#include "controller/sync/tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetsync::sync {
namespace {

using facts::Daemon;
using facts::DaemonFact;
using facts::Facts;
using testing::ElementsAre;
using testing::IsEmpty;

DaemonFact Of(Daemon daemon, std::string service, int pid) {
  DaemonFact fact;
  fact.daemon = daemon;
  fact.service = std::move(service);
  fact.pid = pid;
  fact.running = pid > 0;
  return fact;
}

TEST(ChooseTools, ARunningChronydStepsByItself) {
  Facts facts;
  facts.daemons = {Of(Daemon::kChrony, "chrony", 7)};
  facts.tools = {"chronyc", "chronyd"};
  EXPECT_THAT(ChooseTools(facts, false), ElementsAre(Tool::kChronyc, Tool::kChronyd, Tool::kDate));
}

TEST(ChooseTools, AStoppedChronydRunsOnce) {
  Facts facts;
  facts.daemons = {Of(Daemon::kChrony, "chrony", 0)};
  facts.tools = {"chronyc", "chronyd"};
  EXPECT_THAT(ChooseTools(facts, false), ElementsAre(Tool::kChronyd, Tool::kDate));
}

TEST(ChooseTools, PrefersNtpdateOverStartingNtpd) {
  Facts facts;
  facts.daemons = {Of(Daemon::kNtpClassic, "ntp", 7)};
  facts.tools = {"ntpd", "ntpdate"};
  EXPECT_THAT(ChooseTools(facts, false), ElementsAre(Tool::kNtpdate, Tool::kNtpd, Tool::kDate));
}

TEST(ChooseTools, DoesNotAskOpenntpdForNtpdsOptions) {
  Facts facts;
  facts.daemons = {Of(Daemon::kOpenntpd, "openntpd", 7)};
  facts.tools = {"ntpd"};
  EXPECT_THAT(ChooseTools(facts, false), ElementsAre(Tool::kDate));
}

TEST(ChooseTools, TakesBusyboxNtpdWhereItIs) {
  Facts facts;
  facts.tools = {"busybox-ntpd"};
  EXPECT_THAT(ChooseTools(facts, false), ElementsAre(Tool::kBusyboxNtpd, Tool::kDate));
}

TEST(ChooseTools, OverSshTakesDateAlone) {
  Facts facts;
  facts.tools = {"ntpdate"};
  EXPECT_THAT(ChooseTools(facts, true), ElementsAre(Tool::kDate));
}

TEST(ChooseTools, HasNothingForAClockThatCannotBeSet) {
  Facts facts;
  facts.tools = {"ntpdate"};
  facts.can_set_clock = false;
  EXPECT_THAT(ChooseTools(facts, false), IsEmpty());
}

TEST(Rivals, AreTheRunningDaemonsThatDisciplineTheClock) {
  Facts facts;
  facts.daemons = {Of(Daemon::kNtpsec, "ntpsec", 9), Of(Daemon::kChrony, "chrony", 0),
                   Of(Daemon::kTimesyncd, "systemd-timesyncd", 11)};
  facts.busybox_ntpd = facts::BusyboxNtpd{.service = "ntpd", .pid = 12};
  const auto rivals = Rivals(facts);
  ASSERT_EQ(rivals.size(), 2u);
  EXPECT_EQ(rivals[0].service, "ntpsec");
  EXPECT_EQ(rivals[0].pid, 9);
  EXPECT_EQ(rivals[1].service, "ntpd");
}

}  // namespace
}  // namespace fleetsync::sync
