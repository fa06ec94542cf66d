#include "controller/doctor/fleet_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetsync::doctor {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(SameMinute, ThreeHostsAtOneMinuteAreACrowd) {
  const std::string job = "/etc/crontab: 0 12 * * * root /usr/sbin/ntpdate relay";
  const std::string other = "/var/spool/cron/crontabs/root: 0 12 * * * ntpdate relay";
  const auto findings = SameMinute({{"a", {job}}, {"b", {other}}, {"c", {job, other}}, {"d", {}}});
  ASSERT_THAT(findings, SizeIs(3));
  EXPECT_EQ(findings.at("c").id, "same-minute");
  EXPECT_THAT(findings.at("a").what, HasSubstr("those of 2 other hosts (\"0 12\")"));
  EXPECT_THAT(SameMinute({{"a", {job}}, {"b", {other}}}), IsEmpty()) << "two are none";
}

TEST(SameMinute, OtherMinutesStepsAndOurOwnJobsAreNone) {
  std::vector<HostJobs> spread, steps, ours;
  for (const char* minute : {"1", "2", "3"}) {
    spread.push_back(
        {minute, {std::string("/etc/crontab: ") + minute + " 12 * * * root ntpdate r"}});
    steps.push_back({minute, {"/etc/crontab: */5 * * * * root ntpdate r"}});
    ours.push_back({minute, {"/etc/cron.d/fleetsync: 7 12 * * * root (ntpdate r)"}});
  }
  EXPECT_THAT(SameMinute(spread), IsEmpty());
  EXPECT_THAT(SameMinute(steps), IsEmpty());
  EXPECT_THAT(SameMinute(ours), IsEmpty());
}

}  // namespace
}  // namespace fleetsync::doctor
