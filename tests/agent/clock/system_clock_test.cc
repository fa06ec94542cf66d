#include "agent/clock/system_clock.h"

#include <cerrno>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// What the kernel does with a request, as far as SystemClock relies on it; nothing real is called.
class FakeKernel {
 public:
  SystemClock::AdjustCall call() {
    return [this](timex* t) { return Answer(t); };
  }

  timex last() const { return requests.back(); }

  std::vector<timex> requests;
  int error = 0;
  int status = STA_UNSYNC | STA_NANO;
  long freq = 0;
  long tick = 10'000;
  int tai = 0;
  SystemTime now{seconds(1'700'000'000)};

 private:
  int Answer(timex* t) {
    requests.push_back(*t);
    if (error != 0 && t->modes != 0) {
      errno = error;
      return -1;
    }
    if ((t->modes & ADJ_STATUS) != 0) status = (status & STA_RONLY) | (t->status & ~STA_RONLY);
    if ((t->modes & ADJ_FREQUENCY) != 0) freq = t->freq;
    if ((t->modes & ADJ_TICK) != 0) tick = t->tick;
    if ((t->modes & ADJ_TAI) != 0) tai = static_cast<int>(t->constant);
    t->status = status;
    t->freq = freq;
    t->tick = tick;
    t->tai = tai;
    t->time.tv_sec = std::chrono::floor<seconds>(now.time_since_epoch()).count();
    return 0;
  }
};

class SystemClockTest : public ::testing::Test {
 protected:
  FakeKernel kernel_;
  SystemClock clock_{kernel_.call(), std::nullopt};
};

TEST_F(SystemClockTest, AStepIsOneCallWhoseFractionIsNeverNegative) {
  ASSERT_TRUE(clock_.Step(-milliseconds(1250)).ok());
  ASSERT_EQ(kernel_.requests.size(), 1u);
  EXPECT_EQ(kernel_.last().modes, unsigned{ADJ_SETOFFSET | ADJ_NANO});
  EXPECT_EQ(kernel_.last().time.tv_sec, -2);
  EXPECT_EQ(kernel_.last().time.tv_usec, 750'000'000);
}

TEST_F(SystemClockTest, FrequencyAndSlewAreOneCallThatHoldsTheKernelsFrequency) {
  ASSERT_TRUE(clock_.Adjust({-12.5}, microseconds(300)).ok());
  ASSERT_EQ(kernel_.requests.size(), 1u);
  const timex t = kernel_.last();
  EXPECT_EQ(t.modes, unsigned{ADJ_FREQUENCY | ADJ_TICK | ADJ_OFFSET | ADJ_TIMECONST | ADJ_NANO |
                              ADJ_STATUS});
  EXPECT_EQ(t.freq, -819'200);  // -12.5 * 65536
  EXPECT_EQ(t.tick, 10'000);
  EXPECT_EQ(t.offset, 300'000);
  EXPECT_EQ(t.constant, 0);
  EXPECT_EQ(t.status, STA_PLL | STA_FREQHOLD | STA_UNSYNC);
}

struct RateCase {
  double ppm;
  long tick;
  double rest;
};

TEST_F(SystemClockTest, TheTickSaysWhatTheFrequencyCannot) {
  const RateCase cases[] = {
      {0, 10'000, 0},       {500, 10'000, 500},   {-500, 10'000, -500},       {501, 10'005, 1},
      {-1249, 9'988, -49},  {99'999, 11'000, -1}, {100'000, 11'000, 0},       {-100'000, 9'000, 0},
      {250'000, 11'000, 0}, {-100'001, 9'000, 0}, {83'333.25, 10'833, 33.25},
  };
  for (const RateCase& c : cases) {
    ASSERT_TRUE(clock_.Adjust({c.ppm}, Duration(0)).ok());
    EXPECT_EQ(kernel_.last().tick, c.tick) << c.ppm;
    EXPECT_EQ(static_cast<double>(kernel_.last().freq), c.rest * 65536) << c.ppm;
  }
  ASSERT_TRUE(clock_.Adjust({499}, Duration(0)).ok());
  EXPECT_EQ(kernel_.last().tick, 10'000) << "the tick is set back";
}

TEST_F(SystemClockTest, ASlewBeyondTheKernelsIsCutOff) {
  ASSERT_TRUE(clock_.Adjust({0}, seconds(3)).ok());
  EXPECT_EQ(kernel_.last().offset, 500'000'000);
  ASSERT_TRUE(clock_.Adjust({0}, -seconds(3)).ok());
  EXPECT_EQ(kernel_.last().offset, -500'000'000);
}

TEST_F(SystemClockTest, SynchronisationIsToldInWholeMicrosecondsRoundedUp) {
  ASSERT_TRUE(clock_
                  .SetKernelSync({.synchronised = true,
                                  .leap = ntp::Leap::kNone,
                                  .max_error = Duration(1'000'001),
                                  .est_error = Duration(1)})
                  .ok());
  ASSERT_EQ(kernel_.requests.size(), 1u);
  EXPECT_EQ(kernel_.last().maxerror, 1001);
  EXPECT_EQ(kernel_.last().esterror, 1);
  EXPECT_EQ(kernel_.last().status, STA_PLL | STA_FREQHOLD);
}

TEST_F(SystemClockTest, ErrorsBeyondTheKernelsAreItsLargest) {
  ASSERT_TRUE(clock_.SetKernelSync({.max_error = seconds(100), .est_error = -seconds(1)}).ok());
  EXPECT_EQ(kernel_.last().maxerror, 16'000'000);
  EXPECT_EQ(kernel_.last().esterror, 0);
}

TEST_F(SystemClockTest, LeapFlagsComeAndGoAndStayOverAnAdjustment) {
  const auto tell = [&](ntp::Leap leap) {
    ASSERT_TRUE(clock_.SetKernelSync({.synchronised = true, .leap = leap}).ok());
    ASSERT_TRUE(clock_.Adjust({1}, Duration(0)).ok());
  };
  tell(ntp::Leap::kInsert);
  EXPECT_EQ(kernel_.status, STA_PLL | STA_FREQHOLD | STA_NANO | STA_INS);
  tell(ntp::Leap::kDelete);
  EXPECT_EQ(kernel_.status, STA_PLL | STA_FREQHOLD | STA_NANO | STA_DEL);
  tell(ntp::Leap::kNone);
  EXPECT_EQ(kernel_.status, STA_PLL | STA_FREQHOLD | STA_NANO);
  tell(ntp::Leap::kUnsynchronised);
  EXPECT_EQ(kernel_.status, STA_PLL | STA_FREQHOLD | STA_NANO | STA_UNSYNC);
}

TEST_F(SystemClockTest, AnUnsynchronisedClockAnnouncesNoLeapSecond) {
  ASSERT_TRUE(clock_.SetKernelSync({.synchronised = false, .leap = ntp::Leap::kInsert}).ok());
  EXPECT_EQ(kernel_.last().status, STA_PLL | STA_FREQHOLD | STA_UNSYNC);
}

TEST_F(SystemClockTest, AfterAStepTheClockIsUnsynchronisedUntilToldOtherwise) {
  ASSERT_TRUE(clock_.SetKernelSync({.synchronised = true, .leap = ntp::Leap::kNone}).ok());
  ASSERT_TRUE(clock_.Step(seconds(1)).ok());
  ASSERT_TRUE(clock_.Adjust({1}, Duration(0)).ok());
  EXPECT_EQ(kernel_.last().status, STA_PLL | STA_FREQHOLD | STA_UNSYNC);
}

TEST_F(SystemClockTest, FlagsOfAPulsePerSecondStay) {
  kernel_.status = STA_PPSFREQ | STA_PPSTIME | STA_FLL | STA_PPSSIGNAL | STA_NANO;
  ASSERT_TRUE(clock_.Reset().ok());
  ASSERT_TRUE(clock_.Adjust({1}, Duration(0)).ok());
  EXPECT_EQ(kernel_.last().status, STA_PPSFREQ | STA_PPSTIME | STA_PLL | STA_FREQHOLD | STA_UNSYNC);
}

TEST_F(SystemClockTest, ResetEndsWhatOthersLeftAndKeepsTheFrequency) {
  kernel_.freq = 65'536;
  ASSERT_TRUE(clock_.Reset().ok());
  ASSERT_EQ(kernel_.requests.size(), 3u);
  EXPECT_EQ(kernel_.requests[0].modes, 0u);
  EXPECT_EQ(kernel_.requests[1].modes, unsigned{ADJ_OFFSET_SINGLESHOT});
  EXPECT_EQ(kernel_.requests[1].offset, 0);
  EXPECT_EQ(kernel_.tick, 10'000);
  EXPECT_EQ(kernel_.freq, 65'536);
}

// Killed while it slewed by 1234 ppm on top of -7 ppm: the remainder is nobody's frequency.
TEST_F(SystemClockTest, ResetUndoesAQuickSlewWhoseProgramWasKilled) {
  ASSERT_TRUE(clock_.Adjust({1234 - 7}, Duration(0)).ok());
  ASSERT_EQ(kernel_.tick, 10'012);
  ASSERT_EQ(kernel_.freq, 27 * 65'536);
  SystemClock restarted(kernel_.call(), std::nullopt);
  ASSERT_TRUE(restarted.Reset().ok());
  EXPECT_EQ(restarted.ReadFrequency()->value, 0);
}

TEST_F(SystemClockTest, TheFrequencyThatIsReadHasItsTicks) {
  ASSERT_TRUE(clock_.Adjust({-1249.5}, Duration(0)).ok());
  EXPECT_DOUBLE_EQ(clock_.ReadFrequency()->value, -1249.5);
}

TEST_F(SystemClockTest, WithoutPermissionItSaysWhatToDo) {
  kernel_.error = EPERM;
  const Status s = clock_.Step(seconds(1));
  EXPECT_EQ(s.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Message(s),
            "stepping the clock: Operation not permitted; this takes root or the capability "
            "CAP_SYS_TIME, and in a container the clock is the host's: run the agent there, or "
            "with --no-clock-control here");
  EXPECT_EQ(clock_.Reset().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(SystemClockTest, AnotherRefusalIsToldAsItIs) {
  kernel_.error = EINVAL;
  EXPECT_EQ(Message(clock_.Adjust({0}, Duration(0))), "adjusting the clock: Invalid argument");
}

TEST(SystemClockTai, IsSetOnceWhileTheListHolds) {
  FakeKernel kernel;
  SystemClock clock(kernel.call(), *TaiTable::Parse("#@ 3991593600\n3692217600 37\n"));
  const ntp::KernelSync good{.synchronised = true, .leap = ntp::Leap::kNone};
  ASSERT_TRUE(clock.SetKernelSync(good).ok());
  ASSERT_TRUE(clock.SetKernelSync(good).ok());
  EXPECT_EQ(kernel.tai, 37);
  EXPECT_EQ(kernel.requests.size(), 3u) << "told again although nothing changed";
}

TEST(SystemClockTai, IsLeftAloneWhenTheListExpiredOrTheTimeIsNotKnown) {
  FakeKernel kernel;
  SystemClock clock(kernel.call(), *TaiTable::Parse("#@ 3991593600\n3692217600 37\n"));
  ASSERT_TRUE(clock.SetKernelSync({.synchronised = false}).ok());
  kernel.now = SystemTime(seconds(1'800'000'000));
  ASSERT_TRUE(clock.SetKernelSync({.synchronised = true, .leap = ntp::Leap::kNone}).ok());
  EXPECT_EQ(kernel.tai, 0);
}

// The machine's own clock: reading alone.
TEST(SystemClockOfThisMachine, ItsFrequencyCanBeRead) {
  const auto frequency = SystemClock().ReadFrequency();
  ASSERT_TRUE(frequency.ok()) << frequency.status();
  EXPECT_LE(std::abs(frequency->value), SystemClock::limits().max_frequency.value);
}

}  // namespace
}  // namespace fleetsync
