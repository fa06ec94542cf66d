#include "agent/clock/tai_offset.h"

#include "gtest/gtest.h"

namespace fleetsync {
namespace {

using std::chrono::seconds;

SystemTime At(int64_t unix_seconds) { return SystemTime(seconds(unix_seconds)); }

constexpr char kList[] =
    "#\tIERS\n"
    "#$\t3676924800\n"
    "#@\t3991593600\n"
    "2272060800\t10\t# 1 Jan 1972\n"
    "2287785600\t11\t# 1 Jul 1972\n"
    "3692217600\t37\t# 1 Jan 2017\n"
    "#h\t49db2447 571e5e1b\n";
constexpr char kLeapseconds[] =
    "# Allowance for leap seconds\n"
    "#Expires 2026\tJun\t28\t00:00:00\n"
    "Leap\t1972\tJun\t30\t23:59:60\t+\tS\n"
    "Leap\t1972\tDec\t31\t23:59:60\t+\tS\n"
    "#updated 1751846400 (2025-07-07 00:00:00 UTC)\n"
    "#expires 1782604800 (2026-06-28 00:00:00 UTC)\n";

TEST(TaiTable, BothFormatsGiveTheOffsetOfTheirDay) {
  const auto list = TaiTable::Parse(kList);
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(list->At(At(63'071'999)), std::nullopt);  // before 1972
  EXPECT_EQ(list->At(At(63'072'000)), 10);
  EXPECT_EQ(list->At(At(78'796'799)), 10);
  EXPECT_EQ(list->At(At(78'796'800)), 11);  // 1972-07-01
  EXPECT_EQ(list->At(At(1'700'000'000)), 37);
  const auto leapseconds = TaiTable::Parse(kLeapseconds);
  ASSERT_TRUE(leapseconds.ok());
  EXPECT_EQ(leapseconds->At(At(63'071'999)), std::nullopt);
  EXPECT_EQ(leapseconds->At(At(78'796'799)), 10);
  EXPECT_EQ(leapseconds->At(At(78'796'800)), 11);
  EXPECT_EQ(leapseconds->At(At(94'694'400)), 12);
}

TEST(TaiTable, AnExpiredListSaysNothing) {
  for (const char* text : {kList, kLeapseconds}) {
    const auto table = TaiTable::Parse(text);
    EXPECT_NE(table->At(At(1'782'604'799)), std::nullopt);
    EXPECT_EQ(table->At(At(1'782'604'800)), std::nullopt);
  }
}

TEST(TaiTable, WhatIsNoListIsRefused) {
  for (const char* text : {"", "hello world\n", "2272060800 10\n", "#@ 3991593600\n",
                           "#expires 1782604800\nLeap 1972 Foo 30 23:59:60 + S\n",
                           "#expires 1782604800\nLeap 1972 Feb 31 23:59:60 + S\n",
                           "#@ 99999999999999999999\n2272060800 10\n"}) {
    EXPECT_EQ(TaiTable::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace fleetsync
