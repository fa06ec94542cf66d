#include "agent/observe/parse_number.h"

#include "gmock/gmock.h"

namespace fleetsync::observe {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(ParseSpan, UnitsOfEveryProgramAreKnownAndAddedUp) {
  EXPECT_EQ(ParseSpan("1min 4s", seconds(1)), seconds(64));
  EXPECT_EQ(ParseSpan("-330us", seconds(1)), microseconds(-330));
  EXPECT_EQ(ParseSpan("+1.309ms", seconds(1)), microseconds(1309));
  EXPECT_EQ(ParseSpan("34min 8s", seconds(1)), minutes(34) + seconds(8));
  EXPECT_EQ(ParseSpan("3h", seconds(1)), hours(3));
  EXPECT_EQ(ParseSpan("2d", seconds(1)), hours(48));
  EXPECT_EQ(ParseSpan("0", microseconds(1)), Duration::zero());
  EXPECT_EQ(ParseSpan("64", seconds(1)), seconds(64));
}

TEST(ParseSpan, WhatIsNoSpanIsNothing) {
  for (const char* text :
       {"", "-", "s", "1 parsec", "1s x", "nan", "1e400s", "999999999999y", "--1s"})
    EXPECT_EQ(ParseSpan(text, seconds(1)), std::nullopt) << text;
}

TEST(ParseScaled, FarOffClocksFitAndAbsurdOnesDoNot) {
  EXPECT_EQ(ParseScaled("31622622.275270", seconds(1)), microseconds(31622622275270));
  EXPECT_EQ(ParseScaled("-38908.575181", seconds(1)), microseconds(-38908575181));
  EXPECT_EQ(ParseScaled("+5000.0", milliseconds(1)), seconds(5));
  EXPECT_EQ(ParseScaled("1e30", seconds(1)), std::nullopt);
  EXPECT_EQ(ParseScaled("inf", seconds(1)), std::nullopt);
  EXPECT_EQ(ParseScaled("1.0x", seconds(1)), std::nullopt);
}

TEST(ParseReach, ItIsOctalAndEightBits) {
  EXPECT_EQ(ParseReach("377"), 0xff);
  EXPECT_EQ(ParseReach("17"), 0x0f);
  EXPECT_EQ(ParseReach("400"), std::nullopt);
  EXPECT_EQ(ParseReach("8"), std::nullopt);
}

TEST(ParseStratum, WhatIsNotOneTo15IsUnsynchronised) {
  EXPECT_EQ(ParseStratum("3"), 3);
  for (const char* text : {"0", "16", "-", "", "300"}) EXPECT_EQ(ParseStratum(text), 16) << text;
}

}  // namespace
}  // namespace fleetsync::observe
