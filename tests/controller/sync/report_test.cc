#include "controller/sync/report.h"

#include <gtest/gtest.h>

#include "fmt/format.h"
#include "tests/controller/sync/times.h"

namespace fleetsync::sync {
namespace {

HostResult Of(std::string host, Outcome outcome, std::optional<Duration> before,
              std::optional<Duration> after, std::string tool, std::string detail = "") {
  HostResult result;
  result.host = std::move(host);
  result.outcome = outcome;
  if (before) result.before = Estimate{*before, 100us};
  if (after) result.after = Estimate{*after, 100us};
  result.tool = std::move(tool);
  result.detail = std::move(detail);
  return result;
}

SyncAllReport Report() {
  SyncAllReport report;
  report.reference.name = "relay1 (198.18.1.1), stratum 8";
  report.hosts = {
      Of("relay1", Outcome::kReference, {}, {}, "", "others are set by it"),
      Of("web1", Outcome::kSet, 37s, 20us, "ntpdate"),
      Of("web2", Outcome::kLeft, 2ms, {}, "", "in tolerance"),
      Of("web3", Outcome::kRefused, -2s, {}, "", "would step backward by 2.00 s"),
      Of("web4", Outcome::kFailed, {}, {}, "", "connect: timed out\nafter 10 s"),
      Of("web5", Outcome::kSet, 37s, 40ms, "chronyc makestep", "still off"),
  };
  return report;
}

TEST(Table, IsWorstFirst) {
  EXPECT_EQ(
      Table(Report(), {}),
      "HOST               BEFORE  TOOL                          AFTER  RESULT\n"
      "web4                    -  -                                 -  failed: connect: timed "
      "out after 10 s\n"
      "web3     -2.00 s ± 100 us  not set                           -  refused: would step "
      "backward by 2.00 s\n"
      "web5     +37.0 s ± 100 us  chronyc makestep  +40.0 ms ± 100 us  out of tolerance: still "
      "off\n"
      "web2    +2.00 ms ± 100 us  left alone                        -  ok\n"
      "web1     +37.0 s ± 100 us  ntpdate           +20.0 us ± 100 us  ok\n"
      "relay1                  -  reference                         -  reference\n");
}

TEST(Table, FoldsManyHostsThatAreWell) {
  SyncAllReport report;
  for (int i = 1; i <= 30; ++i) {
    report.hosts.push_back(
        Of(fmt::format("web{:02}", i), Outcome::kSet, i * 1s, i * -1us, "ntpdate"));
  }
  report.hosts[6].outcome = Outcome::kFailed;
  report.hosts[6].detail = "no answer";
  EXPECT_EQ(
      Table(report, {}),
      "HOST                              BEFORE  TOOL                  AFTER  RESULT\n"
      "web07                   +7.00 s ± 100 us  ntpdate   -7.00 us ± 100 us  failed: no answer\n"
      "web[01-06,08-30] (29)  ≤ 30.0 s ± 100 us  ntpdate  ≤ 30.0 us ± 100 us  ok\n");
  EXPECT_NE(Table(report, {.every_host = true}).find("web23"), std::string::npos);
}

TEST(Table, SaysWhatIsNotProven) {
  SyncAllReport report;
  report.hosts = {Of("web1", Outcome::kSet, 37s, 9950us, "ntpdate")};
  EXPECT_NE(Table(report, {}).find("ok, not proven"), std::string::npos);
}

TEST(Table, AHostCannotSteerTheTerminal) {
  SyncAllReport report;
  report.hosts = {Of("web1", Outcome::kFailed, {}, {}, "", "\x1b[2J\nboo")};
  EXPECT_NE(Table(report, {}).find("failed: \\x1b[2J boo"), std::string::npos);
}

TEST(Summary, CountsAndNamesTheReference) {
  EXPECT_EQ(Summary(Report(), 1500ms),
            "2 set, 1 left alone, 1 refused, 1 failed, 1 out of tolerance; by relay1 (198.18.1.1), "
            "stratum 8; 6 hosts in 1.50 s");
}

TEST(ExitCodeOf, PutsFailuresBeforeClocks) {
  SyncAllReport report = Report();
  EXPECT_EQ(ExitCodeOf(report), 1);
  report.hosts[4] = report.hosts[1];
  EXPECT_EQ(ExitCodeOf(report), 4);
  report.hosts.erase(report.hosts.begin() + 3, report.hosts.end());
  EXPECT_EQ(ExitCodeOf(report), 0);
  report.interrupted = true;
  EXPECT_EQ(ExitCodeOf(report), 130);
}

TEST(ToJson, GivesSecondsAndTheVerdict) {
  const auto json = ToJson(Report());
  EXPECT_EQ(json["hosts"][1]["outcome"], "set");
  EXPECT_DOUBLE_EQ(json["hosts"][1]["before"]["offset"], 37.0);
  EXPECT_DOUBLE_EQ(json["hosts"][1]["after"]["bound"], 1e-4);
  EXPECT_EQ(json["hosts"][1]["in_tolerance"], true);
  EXPECT_EQ(json["hosts"][3]["in_tolerance"], false);
  EXPECT_TRUE(json["hosts"][4]["in_tolerance"].is_null());
}

}  // namespace
}  // namespace fleetsync::sync
