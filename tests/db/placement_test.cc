#include "db/placement.h"

#include "gtest/gtest.h"
#include "tests/db/report_builder.h"

namespace fleetsync::db {
namespace {

using namespace std::chrono_literals;

// Made at `made` after the anchor and received `late` after that, on a clock that is right.
Report ReportMade(Duration made, Duration late) {
  Report report = ReportOf("web01", 100);
  const SystemTime at = ReportOf("web01", 1).received + made;
  report.monotonic = ReportOf("web01", 1).monotonic + made;
  report.received = at + late;
  report.host_time = at - report.offset;
  return report;
}
Anchor AnchorAtOne() {
  const Report first = ReportOf("web01", 1);
  return {.boot_id = first.boot_id, .monotonic = first.monotonic, .at = first.received};
}

TEST(Placement, AReportThatComesAtOnceCountsWhenItArrives) {
  EXPECT_EQ(Lateness(ReportMade(10min, 2s), AnchorAtOne()), 0s);
  EXPECT_EQ(Lateness(ReportMade(10min, 2s), {}), 0s);
  EXPECT_EQ(Lateness(ReportMade(10min, -2s), {}), 0s) << "the controller's clock is behind";
}

TEST(Placement, AWrongClockIsNotAskedWhenTheMonotonicOneSaysNow) {
  Report liar = ReportMade(10min, 1s);
  liar.host_time -= 24h;
  EXPECT_EQ(Lateness(liar, AnchorAtOne()), 0s);
}

TEST(Placement, WhatWasKeptCountsWhenItWasMade) {
  EXPECT_EQ(Lateness(ReportMade(10min, 3h), AnchorAtOne()), 3h);
  EXPECT_EQ(Lateness(ReportMade(10min, 3h), {}), 3h) << "by the clock alone";
}

TEST(Placement, AnUnsynchronisedHostsReportIsPlacedByItsMonotonicClock) {
  Report report = ReportMade(10min, 3h);
  report.stratum = 16;
  report.host_time = SystemTime(0s);
  EXPECT_EQ(Lateness(report, AnchorAtOne()), 3h);
  EXPECT_EQ(Lateness(report, {}), 0s) << "nothing says when";
  Anchor other_boot = AnchorAtOne();
  other_boot.boot_id = "another";
  EXPECT_EQ(Lateness(report, other_boot), 0s);
}

TEST(Placement, TimesThatCannotBeAreNotBelieved) {
  Report future = ReportMade(10min, 0s), ancient = ReportMade(10min, 0s);
  future.host_time += 1h;
  ancient.host_time -= 40 * 24h;
  EXPECT_EQ(Lateness(future, {}), 0s);
  EXPECT_EQ(Lateness(ancient, {}), 0s);
  Report extreme = ReportMade(10min, 0s);
  extreme.monotonic = Duration::max();
  extreme.host_time = SystemTime(Duration(0));
  extreme.offset = Duration(int64_t{1} << 60);
  EXPECT_EQ(Lateness(extreme, AnchorAtOne()), 0s);
}

}  // namespace
}  // namespace fleetsync::db
