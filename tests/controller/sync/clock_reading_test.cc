#include "controller/sync/clock_reading.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>

#include "base/text.h"
#include "tests/controller/sync/times.h"

namespace fleetsync::sync {
namespace {

SystemTime Epoch(Duration since) { return SystemTime(since); }

TEST(ParseClockReading, KnowsItsResolutionByItsDigits) {
  const auto micro = ParseClockReading("7 1795213504.971631");
  ASSERT_TRUE(micro);
  EXPECT_EQ(micro->number, 7u);
  EXPECT_EQ(micro->earliest, Epoch(1795213504s + 971631us));
  EXPECT_EQ(micro->latest, Epoch(1795213504s + 971632us));
  const auto nano = ParseClockReading("8 1795213504.000000001");
  EXPECT_EQ(nano->earliest, Epoch(1795213504s + 1ns));
  EXPECT_EQ(nano->latest - nano->earliest, 1ns);
  const auto second = ParseClockReading("9 1795213504");
  EXPECT_EQ(second->earliest, Epoch(1795213504s));
  EXPECT_EQ(second->latest - second->earliest, 1s);
}

TEST(ParseClockReading, TakesACommaForAPoint) {
  EXPECT_EQ(ParseClockReading("1 5,25")->earliest, Epoch(5s + 250ms));
}

TEST(ParseClockReading, RefusesWhatIsNoReading) {
  for (const char* line : {"", "1", "x 5.0", "1 ", "1 5.x", "1 -5.0", "1 5.-1", "1 %s.%N", "1 2 3",
                           "1 9223372036854775807", "-1 5", "1 5.0.0"}) {
    EXPECT_FALSE(ParseClockReading(line)) << line;
  }
}

// What the command answers to `input` in this machine's shells, with PATH as a host may have it.
std::string Answer(const std::string& shell_first, const std::string& input) {
  std::string command = ClockCommand();
  EXPECT_TRUE(command.starts_with("sh -c "));
  command = shell_first + command.substr(2);
  const std::string line = "printf " + ShellQuote(input) + " | " + command + " 2>&1";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(line.c_str(), "r"), pclose);
  std::string output;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;)
    output.append(buffer, n);
  return output;
}

class ClockCommandIn : public testing::TestWithParam<const char*> {};

TEST_P(ClockCommandIn, AnswersEachQuestionWithTheTime) {
  if (std::system((std::string(GetParam()) + " -c : 2>/dev/null").c_str()) != 0) {
    GTEST_SKIP() << GetParam() << " is not installed";
  }
  const std::string output = Answer(GetParam(), "1\\n2\\n");
  const auto lines = Split(output, '\n');
  ASSERT_EQ(lines.size(), 4u) << output;
  EXPECT_TRUE(lines[0].starts_with(kClockBanner)) << output;
  const auto first = ParseClockReading(lines[1]), second = ParseClockReading(lines[2]);
  ASSERT_TRUE(first && second) << output;
  EXPECT_EQ(first->number, 1u);
  EXPECT_EQ(second->number, 2u);
  EXPECT_LE(first->earliest, second->latest);
  EXPECT_LT(second->latest - first->earliest, 10s);
}

INSTANTIATE_TEST_SUITE_P(Shells, ClockCommandIn,
                         testing::Values("sh", "dash", "bash --posix", "busybox sh"));

}  // namespace
}  // namespace fleetsync::sync
