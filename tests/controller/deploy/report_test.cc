#include "controller/deploy/report.h"

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"

namespace fleetsync::deploy {
namespace {

using std::chrono::seconds;

HostReport Installed(const std::string& host) {
  HostReport report;
  report.host = host;
  report.outcome.kind = Outcome::Kind::kInstalled;
  report.outcome.changes = {"user", "binary"};
  return report;
}
HostReport Failed(const std::string& host, const std::string& why) {
  HostReport report;
  report.host = host;
  report.outcome.failure = why;
  return report;
}
HostState WithAgent(bool running) {
  HostState state;
  state.files[std::string(kBinaryPath)] = {};
  state.running = running;
  state.enabled = true;
  facts::DaemonFact agent;
  agent.daemon = facts::Daemon::kAgent;
  agent.version = "0.1.0";
  state.facts.daemons.push_back(agent);
  facts::DaemonFact chrony;
  chrony.running = true;
  state.facts.daemons.push_back(chrony);
  return state;
}

TEST(Report, HostsWithTheSameOutcomeAreOneLineAndFailuresComeLast) {
  std::vector<HostReport> reports = {Failed("web04", "connect: refused"), Installed("web01"),
                                     Installed("web02"), Installed("web03")};
  reports[1].outcome.warnings.emplace_back("careful");
  EXPECT_EQ(ReportText(reports),
            "web[01-03]: installed: user, binary\n"
            "web04: failed: connect: refused\n"
            "web01: warning: careful\n");
}

TEST(Report, WhatAHostSaysCannotSteerTheTerminal) {
  EXPECT_EQ(ReportText(std::vector<HostReport>{Failed("web01", "\x1b[2J")}),
            "web01: failed: \\x1b[2J\n");
}

TEST(Report, TheJsonNamesOutcomeChangesAndFailure) {
  const std::vector<HostReport> reports = {Installed("a"), Failed("b", "no")};
  const auto json = nlohmann::json::parse(ReportJson(reports));
  EXPECT_EQ(json["hosts"][0]["outcome"], "installed");
  EXPECT_EQ(json["hosts"][0]["changes"], (std::vector<std::string>{"user", "binary"}));
  EXPECT_EQ(json["hosts"][0]["failure"], nullptr);
  EXPECT_EQ(json["hosts"][1]["failure"], "no");
}

TEST(Report, TheStatusTableTellsRunningStoppedMissingAndUnreachable) {
  const SystemTime now{seconds(1000)};
  std::vector<HostReport> reports(4);
  reports[0].host = "a";
  reports[0].state = WithAgent(true);
  reports[0].outcome.kind = Outcome::Kind::kUnchanged;
  reports[0].last_heard = now - seconds(4);
  reports[1].host = "b";
  reports[1].state = WithAgent(false);
  reports[1].state->keeps_clock = true;
  reports[1].outcome.kind = Outcome::Kind::kUnchanged;
  reports[2].host = "c";
  reports[2].state = HostState{};
  reports[2].outcome.kind = Outcome::Kind::kUnchanged;
  reports[3] = Failed("d", "connect: refused");
  EXPECT_EQ(
      StatusTable(reports, now),
      "HOST  AGENT          VERSION  AT BOOT  CLOCK            CERTIFICATE UNTIL  LAST HEARD\n"
      "a     running        0.1.0    yes      observes chrony  -                  4.00 s ago\n"
      "b     stopped        0.1.0    yes      keeps the clock  -                           -\n"
      "c     not installed  -        -        -                -                           -\n"
      "d     unreachable    -        -        -                -                           -\n"
      "\n"
      "d: connect: refused\n");
  EXPECT_TRUE(RunsWell(reports[0]));
  EXPECT_FALSE(RunsWell(reports[1]));
  EXPECT_FALSE(RunsWell(reports[3]));
}

}  // namespace
}  // namespace fleetsync::deploy
