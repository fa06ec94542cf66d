#include "proto/ntp/names.h"

#include "gtest/gtest.h"

namespace fleetsync::ntp {
namespace {

TEST(ReferenceIdText, OfAReferenceClockIsItsLetters) {
  EXPECT_EQ(ReferenceIdText(ReferenceId("GPS\0"), 1), "GPS");
  EXPECT_EQ(ReferenceIdText(ReferenceId("RATE"), 0), "RATE");
}

TEST(ReferenceIdText, OfAServerBehindAnotherIsAnAddress) {
  EXPECT_EQ(ReferenceIdText(0xc6120103, 2), "198.18.1.3");
  EXPECT_EQ(ReferenceIdText(0, 16), "0.0.0.0");
}

TEST(ReferenceIdText, CannotSteerATerminal) {
  EXPECT_EQ(ReferenceIdText(0x1b5b324a, 1), "\\x1b[2J");
  EXPECT_EQ(ReferenceIdText(0x410041ff, 1), "A\\x00A\\xff");
}

TEST(Kiss, OnlyKnownCodesAreActedUpon) {
  EXPECT_EQ(KissOf(ReferenceId("RATE")), Kiss::kRate);
  EXPECT_EQ(KissOf(ReferenceId("DENY")), Kiss::kDeny);
  EXPECT_EQ(KissOf(ReferenceId("RSTR")), Kiss::kRestrict);
  EXPECT_EQ(KissOf(ReferenceId("rate")), Kiss::kOther);
  EXPECT_EQ(KissOf(0), Kiss::kOther);
}

}  // namespace
}  // namespace fleetsync::ntp
