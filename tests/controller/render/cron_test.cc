#include "controller/render/cron.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace fleetsync::render {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

TEST(CronSchedule, SaysWhatCronCanSay) {
  const auto cron = [](Duration every) { return CronSchedule(*SpreadJob(every, "web07")); };
  EXPECT_THAT(cron(hours(24)), MatchesRegex("[0-9]+ [0-9]+ \\* \\* \\*"));
  EXPECT_THAT(cron(hours(1)), MatchesRegex("[0-9]+ \\* \\* \\* \\*"));
  EXPECT_THAT(cron(hours(6)), MatchesRegex("[0-9]+ [0-5]-23/6 \\* \\* \\*"));
  EXPECT_THAT(cron(minutes(15)), MatchesRegex("[0-9]+-59/15 \\* \\* \\* \\*"));
  for (const Duration every : {Duration(minutes(7)), Duration(hours(5)), Duration(hours(48)),
                               Duration(std::chrono::seconds(90))})
    EXPECT_THAT(std::string(SpreadJob(every, "web07").status().message()),
                HasSubstr("which cron cannot say"));
}

TEST(CronSchedule, AHostKeepsItsMinuteAndHostsAreSpread) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i)
    seen.insert(CronSchedule(*SpreadJob(hours(1), "web" + std::to_string(i))));
  EXPECT_GT(seen.size(), 50u);
}

TEST(CalendarSchedule, SaysTheSameAsCron) {
  EXPECT_EQ(CalendarSchedule({.minute = 7, .hour = 3}), "*-*-* 03:07:00");
  EXPECT_EQ(CalendarSchedule({.minute = 7}), "*-*-* *:07:00");
  EXPECT_EQ(CalendarSchedule({.minute = 17, .hour = 3, .hour_step = 6}), "*-*-* 03/6:17:00");
  EXPECT_EQ(CalendarSchedule({.minute = 4, .minute_step = 15}), "*-*-* *:04/15:00");
}

TEST(JobUnit, HoldsACommandThatSystemdReadsAsItIs) {
  EXPECT_THAT(JobUnit("ntpdate 'a%b' \"$c\" \\d", "fleet.yaml"),
              testing::EndsWith("ExecStart=/bin/sh -c \"ntpdate 'a%%b' \\\"$$c\\\" \\\\d\"\n"));
}

TEST(WithCronLine, KeepsEveryOtherByteAndIsIdempotent) {
  const std::string before = "# min hour\n*/15 * * * * run-parts /etc/periodic/15min\n";
  const std::string with = WithCronLine(before, "5 * * * *", "ntpdate ntp1");
  EXPECT_EQ(with, before +
                      "# begin fleetsync\n5 * * * * (PATH=/usr/sbin:/usr/bin:/sbin:/bin; ntpdate "
                      "ntp1) 2>&1 | logger -t fleetsync\n"
                      "# end fleetsync\n");
  EXPECT_EQ(WithCronLine(with, "5 * * * *", "ntpdate ntp1"), with);
  EXPECT_EQ(WithCronLine(with, "5 * * * *", ""), before);
}

TEST(CronFile, EscapesWhatCronWouldReadAsALineBreak) {
  EXPECT_THAT(CronFile("5 * * * *", "ntpdate fe80::1%eth0", "fleet.yaml"),
              testing::EndsWith("\n5 * * * * root (ntpdate fe80::1\\%eth0) 2>&1 | logger -t "
                                "fleetsync\n"));
}

TEST(WithoutTimeJobs, FindsWhatTheTutorialsTeach) {
  for (const char* line : {"0 12 * * * /usr/sbin/ntpdate 10.0.0.15",
                           "30 8 * * * root /usr/sbin/ntpdate 10.0.0.15; /sbin/hwclock -w",
                           "* */1 * * * ntpdate relay", "@daily root (sntp -S relay)",
                           "5 5 * * * hwclock --systohc", "1 1 * * * root rdate -s relay",
                           "1 1 * * * root chronyd -q 'server relay'", "1 1 * * * root ntpd -gq"}) {
    const RetiredJobs retired = WithoutTimeJobs(std::string(line) + "\n");
    EXPECT_THAT(retired.lines, ElementsAre(line));
    EXPECT_EQ(retired.text, "# retired by fleetsync: " + std::string(line) + "\n");
    EXPECT_THAT(WithoutTimeJobs(retired.text).lines, IsEmpty()) << "a second time";
  }
}

TEST(WithoutTimeJobs, LeavesEveryOtherByteAlone) {
  for (const char* text :
       {"", "\n", "# ntpdate relay\n", "0 1 * * * backup-ntpdate-logs\n", "MAILTO=root\n\t\n",
        "1 1 * * * root systemctl restart ntpd\n", "no last line break",
        "# begin fleetsync\n1 1 * * * (ntpdate a) 2>&1 | logger -t fleetsync\n# end fleetsync\n"}) {
    EXPECT_EQ(WithoutTimeJobs(text).text, text);
    EXPECT_THAT(WithoutTimeJobs(text).lines, IsEmpty());
  }
}

}  // namespace
}  // namespace fleetsync::render
