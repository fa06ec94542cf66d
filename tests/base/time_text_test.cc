#include "base/time_text.h"

#include <chrono>
#include <string_view>

#include "gtest/gtest.h"

namespace fleetsync {
namespace {

using namespace std::chrono_literals;

struct FormatCase {
  Duration duration;
  std::string_view text, with_sign;
};
class FormattedDuration : public ::testing::TestWithParam<FormatCase> {};

TEST_P(FormattedDuration, HasThreeDigitsAndAUnit) {
  EXPECT_EQ(FormatDuration(GetParam().duration), GetParam().text);
  EXPECT_EQ(FormatSigned(GetParam().duration), GetParam().with_sign);
}

INSTANTIATE_TEST_SUITE_P(
    Corners, FormattedDuration,
    ::testing::Values(
        FormatCase{0ns, "0 ns", "+0 ns"}, FormatCase{7ns, "7 ns", "+7 ns"},
        FormatCase{999ns, "999 ns", "+999 ns"}, FormatCase{1000ns, "1.00 us", "+1.00 us"},
        FormatCase{999499ns, "999 us", "+999 us"}, FormatCase{999500ns, "1.00 ms", "+1.00 ms"},
        FormatCase{1300us, "1.30 ms", "+1.30 ms"}, FormatCase{-12345us, "-12.3 ms", "-12.3 ms"},
        FormatCase{999'499'999ns, "999 ms", "+999 ms"}, FormatCase{1500ms, "1.50 s", "+1.50 s"},
        FormatCase{60s, "1m 00s", "+1m 00s"}, FormatCase{7385s, "2h 03m 05s", "+2h 03m 05s"},
        FormatCase{-38908s, "-10h 48m 28s", "-10h 48m 28s"},
        FormatCase{31622622s, "366d 00h 03m", "+366d 00h 03m"}));

struct ParseCase {
  std::string_view text;
  Duration duration;
};
class ParsedDuration : public ::testing::TestWithParam<ParseCase> {};

TEST_P(ParsedDuration, IsExact) {
  const StatusOr<Duration> parsed = ParseDuration(GetParam().text);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, GetParam().duration);
}

INSTANTIATE_TEST_SUITE_P(Corners, ParsedDuration,
                         ::testing::Values(ParseCase{"10ms", 10ms}, ParseCase{"250us", 250us},
                                           ParseCase{"250µs", 250us}, ParseCase{"1.5 s", 1500ms},
                                           ParseCase{"2m", 2min}, ParseCase{"2min", 2min},
                                           ParseCase{"1h", 1h}, ParseCase{"1d", 24h},
                                           ParseCase{"0", 0ns}, ParseCase{" 5ns ", 5ns},
                                           ParseCase{"-3s", -3s}, ParseCase{"1e3ms", 1s}));

TEST(ParseDuration, SaysWhatToWriteInstead) {
  for (const char* text : {"", "10", "ms", "10 parsecs", "1e300d", "nan s", "inf s", "10ms!"}) {
    const StatusOr<Duration> parsed = ParseDuration(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(Message(parsed.status()),
              "'" + std::string(text) +
                  "' is not a duration; write a number and a unit (ns, us, ms, s, m, h, d), "
                  "such as 10ms");
  }
}

TEST(FormatTime, IsRfc3339InUtc) {
  EXPECT_EQ(FormatTime(SystemTime(0s)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatTime(SystemTime(1432380850s)), "2015-05-23T11:34:10Z");
  EXPECT_EQ(FormatTime(SystemTime(-1ns)), "1969-12-31T23:59:59Z");
}

}  // namespace
}  // namespace fleetsync
