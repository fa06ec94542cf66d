#include "agent/report/uplink.h"

#include <set>

#include "base/overloaded.h"
#include "fmt/format.h"
#include "gtest/gtest.h"

namespace fleetsync::report {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string Text(const UplinkActions& actions) {
  std::string text;
  for (const UplinkAction& action : actions) {
    if (!text.empty()) text += ' ';
    text += std::visit(
        Overloaded{[](const Connect&) { return std::string("connect"); },
                   [](const Disconnect&) { return std::string("disconnect"); },
                   [](const Forget& f) { return fmt::format("forget:{}", f.through); },
                   [](const SendThrough& s) { return fmt::format("send:{}-{}", s.first, s.last); }},
        action);
  }
  return text;
}

class UplinkTest : public ::testing::Test {
 protected:
  void Pass(Duration d) {
    now_.mono += d;
    now_.system += d;
  }
  // Until the timer, and what it does.
  std::string Timer() {
    if (uplink_.NextTimer() == MonoTime::max()) return "no timer";
    Pass(uplink_.NextTimer() - now_.mono);
    return Text(uplink_.OnTimer(now_));
  }
  // Connected, with `last` in the spool and everything acknowledged.
  void ConnectWith(uint64_t last) {
    uplink_.Start(now_);
    uplink_.OnSpooled(now_, last);
    uplink_.OnConnected(now_, last);
  }

  Now now_{MonoTime(minutes(1)), SystemTime(seconds(1'800'000'000))};
  Uplink uplink_{1};
};

TEST_F(UplinkTest, ReportsGoOutInOrderAndAreForgottenWhenAcknowledged) {
  EXPECT_EQ(Text(uplink_.Start(now_)), "connect");
  EXPECT_EQ(Text(uplink_.OnSpooled(now_, 3)), "");
  EXPECT_EQ(Text(uplink_.OnConnected(now_, 0)), "forget:0 send:1-3");
  EXPECT_EQ(Text(uplink_.OnRead(now_, 3, 3)), "");
  EXPECT_EQ(Text(uplink_.OnAcknowledged(now_, 2)), "forget:2");
  EXPECT_EQ(Text(uplink_.OnSpooled(now_, 4)), "send:4-4");
  EXPECT_EQ(Text(uplink_.OnRead(now_, 4, 4)), "");
  EXPECT_EQ(Text(uplink_.OnAcknowledged(now_, 4)), "forget:4");
  EXPECT_EQ(uplink_.NextTimer(), MonoTime::max());
}

TEST_F(UplinkTest, AfterAReconnectEverythingBehindTheControllersMarkIsSentAgain) {
  ConnectWith(5);
  EXPECT_EQ(Text(uplink_.OnSpooled(now_, 9)), "send:6-9");
  uplink_.OnRead(now_, 9, 9);
  uplink_.OnAcknowledged(now_, 7);
  uplink_.OnBroken(now_);
  EXPECT_EQ(Timer(), "connect");
  EXPECT_EQ(Text(uplink_.OnConnected(now_, 8)), "forget:8 send:9-9");
}

TEST_F(UplinkTest, NoMoreThanAWindowIsInFlight) {
  uplink_.Start(now_);
  uplink_.OnSpooled(now_, 1000);
  EXPECT_EQ(Text(uplink_.OnConnected(now_, 0)), "forget:0 send:1-256");
  EXPECT_EQ(Text(uplink_.OnRead(now_, 256, 256)), "");
  EXPECT_EQ(Text(uplink_.OnAcknowledged(now_, 100)), "forget:100 send:257-356");
}

TEST_F(UplinkTest, ReportsThatTheSpoolHasDroppedAreNotWaitedFor) {
  uplink_.Start(now_);
  uplink_.OnSpooled(now_, 1000);
  EXPECT_EQ(Text(uplink_.OnConnected(now_, 100)), "forget:100 send:101-356");
  // The spool begins at 700.
  EXPECT_EQ(Text(uplink_.OnRead(now_, 356, 0)), "send:357-612");
  EXPECT_EQ(Text(uplink_.OnRead(now_, 612, 0)), "send:613-868");
  EXPECT_EQ(Text(uplink_.OnRead(now_, 868, 868)), "");
  EXPECT_EQ(Text(uplink_.OnAcknowledged(now_, 868)), "forget:868 send:869-1000");
}

TEST_F(UplinkTest, AHoleAtTheEndOfWhatWasReadIsSkippedOnceTheRestIsAcknowledged) {
  uplink_.Start(now_);
  uplink_.OnSpooled(now_, 300);
  uplink_.OnConnected(now_, 0);
  EXPECT_EQ(Text(uplink_.OnRead(now_, 256, 200)), "");
  EXPECT_EQ(Text(uplink_.OnAcknowledged(now_, 200)), "forget:200 send:257-300");
}

TEST_F(UplinkTest, AControllerThatAcknowledgesNothingIsLeftAndTriedAgain) {
  ConnectWith(0);
  uplink_.OnSpooled(now_, 1);
  uplink_.OnRead(now_, 1, 1);
  EXPECT_EQ(Timer(), "disconnect");
  EXPECT_EQ(Timer(), "connect");
  EXPECT_EQ(Text(uplink_.OnConnected(now_, 0)), "forget:0 send:1-1");
}

TEST_F(UplinkTest, AConnectionThatIsNeverWelcomedIsLeft) {
  uplink_.Start(now_);
  const MonoTime start = now_.mono;
  EXPECT_EQ(Timer(), "disconnect");
  EXPECT_EQ(now_.mono - start, seconds(20));
  EXPECT_EQ(Timer(), "connect");
}

TEST_F(UplinkTest, AnIdleConnectionHasNoTimer) {
  ConnectWith(5);
  EXPECT_EQ(Timer(), "no timer");
}

TEST_F(UplinkTest, TheWaitDoublesToHalfAMinuteAndStaysThere) {
  uplink_.Start(now_);
  for (const int longest : {1, 2, 4, 8, 16, 32, 32, 32}) {
    uplink_.OnBroken(now_);
    const Duration wait = uplink_.NextTimer() - now_.mono;
    EXPECT_GE(wait, seconds(longest) / 2);
    EXPECT_LE(wait, seconds(longest));
    EXPECT_EQ(Timer(), "connect");
  }
}

TEST_F(UplinkTest, AThousandAgentsDoNotComeBackTogether) {
  std::set<int64_t> tenths;
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    Uplink uplink(seed);
    uplink.Start(now_);
    for (int i = 0; i < 5; ++i) {
      uplink.OnBroken(now_);
      uplink.OnTimer({uplink.NextTimer(), now_.system + (uplink.NextTimer() - now_.mono)});
    }
    uplink.OnBroken(now_);
    tenths.insert((uplink.NextTimer() - now_.mono) / milliseconds(100));
  }
  EXPECT_GT(tenths.size(), 150u);  // of 160 tenths of a second
}

TEST_F(UplinkTest, ASuccessMakesTheNextWaitShortAgain) {
  uplink_.Start(now_);
  for (int i = 0; i < 6; ++i) {
    uplink_.OnBroken(now_);
    Timer();
  }
  uplink_.OnConnected(now_, 0);
  uplink_.OnSpooled(now_, 1);
  uplink_.OnRead(now_, 1, 1);
  uplink_.OnAcknowledged(now_, 1);
  uplink_.OnBroken(now_);
  EXPECT_LE(uplink_.NextTimer() - now_.mono, seconds(1));
}

TEST_F(UplinkTest, AfterAStepOfTheClockTheConnectionIsMadeAnew) {
  for (const Duration step :
       {Duration(seconds(10)), Duration(-seconds(10)), Duration(-seconds(86'400))}) {
    uplink_ = Uplink(1);
    ConnectWith(5);
    Pass(seconds(10));
    now_.system += step;
    EXPECT_EQ(Text(uplink_.OnSpooled(now_, 6)), "disconnect");
    EXPECT_LE(uplink_.NextTimer() - now_.mono, seconds(1));
    EXPECT_EQ(Timer(), "connect");
    EXPECT_EQ(Text(uplink_.OnConnected(now_, 5)), "forget:5 send:6-6");
  }
}

TEST_F(UplinkTest, ASlewIsNoStep) {
  ConnectWith(5);
  Pass(seconds(10));
  now_.system += milliseconds(900);
  EXPECT_EQ(Text(uplink_.OnSpooled(now_, 6)), "send:6-6");
}

TEST_F(UplinkTest, AControllerThatAcknowledgesTooMuchDoesNotMakeUsForget) {
  ConnectWith(5);
  uplink_.OnSpooled(now_, 6);
  uplink_.OnRead(now_, 6, 6);
  EXPECT_EQ(Text(uplink_.OnAcknowledged(now_, 1'000'000)), "forget:6");
}

TEST_F(UplinkTest, AControllerThatKnowsMoreThanTheSpoolIsSaidSoAndWaitedForNumbersBehindIt) {
  uplink_.Start(now_);
  uplink_.OnSpooled(now_, 3);
  EXPECT_EQ(Text(uplink_.OnConnected(now_, 1000)), "forget:1000");
  EXPECT_EQ(Text(uplink_.OnSpooled(now_, 1003)), "send:1001-1003");
}

TEST_F(UplinkTest, WhatComesOfAnOldConnectionIsIgnored) {
  uplink_.Start(now_);
  EXPECT_EQ(Text(uplink_.OnAcknowledged(now_, 3)), "");
  uplink_.OnBroken(now_);
  EXPECT_EQ(Text(uplink_.OnConnected(now_, 3)), "");
  const MonoTime timer = uplink_.NextTimer();
  uplink_.OnBroken(now_);
  EXPECT_EQ(uplink_.NextTimer(), timer);
}

}  // namespace
}  // namespace fleetsync::report
