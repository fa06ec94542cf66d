#include "agent/engine/leap_watch.h"

#include <array>

#include "gtest/gtest.h"

namespace fleetsync::ntp {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

SystemTime Utc(int year, unsigned month, unsigned day) {
  const auto date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  return SystemTime(std::chrono::sys_days(date).time_since_epoch());
}

constexpr std::array kInsert{Leap::kInsert, Leap::kInsert, Leap::kNone};

TEST(LeapWatch, TheLastDayOfAMonthHasAnEnd) {
  EXPECT_EQ(EndOfMonthToday(Utc(2026, 12, 31)), Utc(2027, 1, 1));
  EXPECT_EQ(EndOfMonthToday(Utc(2027, 1, 1) - milliseconds(1)), Utc(2027, 1, 1));
  EXPECT_EQ(EndOfMonthToday(Utc(2027, 1, 1)), std::nullopt);
  EXPECT_EQ(EndOfMonthToday(Utc(2028, 2, 29)), Utc(2028, 3, 1));
  EXPECT_EQ(EndOfMonthToday(Utc(2028, 2, 28)), std::nullopt);
}

TEST(LeapWatch, AMajorityAnnouncesAndTheSecondPassesOnce) {
  LeapWatch watch;
  EXPECT_TRUE(watch.OnVotes(Utc(2026, 12, 31), kInsert));
  EXPECT_FALSE(watch.OnVotes(Utc(2026, 12, 31) + hours(1), kInsert));
  EXPECT_EQ(watch.announced(), Leap::kInsert);
  EXPECT_EQ(watch.Cross(Utc(2027, 1, 1) - seconds(1)), Duration(0));
  EXPECT_EQ(watch.Cross(Utc(2027, 1, 1)), -seconds(1));
  EXPECT_EQ(watch.Cross(Utc(2027, 1, 1) + seconds(1)), Duration(0));
  EXPECT_EQ(watch.announced(), Leap::kNone);
  EXPECT_TRUE(watch.IsAmbiguous(Utc(2027, 1, 1) + seconds(2)));
  EXPECT_FALSE(watch.IsAmbiguous(Utc(2027, 1, 1) + seconds(10)));
}

TEST(LeapWatch, AMinorityAndAnyOtherDayAreNotHeard) {
  LeapWatch watch;
  EXPECT_FALSE(watch.OnVotes(Utc(2026, 12, 30), kInsert));
  constexpr std::array kFew{Leap::kInsert, Leap::kNone, Leap::kNone};
  EXPECT_FALSE(watch.OnVotes(Utc(2026, 12, 31), kFew));
}

TEST(LeapWatch, AnAnnouncementThatIsTakenBackInTimeIsVoid) {
  LeapWatch watch;
  watch.OnVotes(Utc(2026, 12, 31), kInsert);
  constexpr std::array kNone{Leap::kNone, Leap::kNone};
  EXPECT_TRUE(watch.OnVotes(Utc(2026, 12, 31) + hours(3), kNone));
  EXPECT_EQ(watch.Cross(Utc(2027, 1, 1)), Duration(0));
}

TEST(LeapWatch, ADeletedSecondGoesTheOtherWay) {
  LeapWatch watch;
  constexpr std::array kDelete{Leap::kDelete};
  EXPECT_TRUE(watch.OnVotes(Utc(2027, 6, 30), kDelete));
  EXPECT_EQ(watch.Cross(Utc(2027, 7, 1)), seconds(1));
}

}  // namespace
}  // namespace fleetsync::ntp
