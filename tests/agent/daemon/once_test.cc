#include "agent/daemon/once.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::daemon {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The kernel's loop: once a second it takes a quarter of what it was given, which then comes over
// that second, whatever it is given meanwhile.
class Kernel {
 public:
  void Give(Duration slew) { offset_ = slew; }
  Duration Wait(Duration d) {
    Duration moved{};
    for (; d > Duration::zero(); d -= milliseconds(100)) {
      moved += chunk_ / 10;
      if (++tenths_ % 10 != 0) continue;
      chunk_ = offset_ / 4;
      offset_ -= chunk_;
    }
    return moved;
  }

 private:
  Duration offset_{};
  Duration chunk_{};
  int tenths_ = 3;  // it was not started at a whole second
};

struct Course {
  Duration left;      // at the end
  Duration furthest;  // beyond the aim
  Duration took;
};

Course Follow(Duration offset) {
  SlewPlan plan;
  Kernel kernel;
  Course course{offset, {}, {}};
  while (const auto turn = plan.Next(course.left)) {
    if (turn->slew) {
      EXPECT_LE(Abs(*turn->slew), milliseconds(500));
      kernel.Give(*turn->slew);
    }
    course.left -= kernel.Wait(turn->wait);
    course.took += turn->wait;
    const Duration beyond = offset > Duration::zero() ? -course.left : course.left;
    course.furthest = std::max(course.furthest, beyond);
    if (course.took > seconds(3600)) {
      ADD_FAILURE() << "never done";
      break;
    }
  }
  return course;
}

TEST(SlewPlan, EveryOffsetEndsWithin50MicrosecondsAndIsNotOvershot) {
  for (const Duration offset :
       {Duration(0), Duration(microseconds(49)), Duration(milliseconds(50)),
        Duration(milliseconds(128)), Duration(milliseconds(500)), Duration(milliseconds(501)),
        Duration(milliseconds(600)), Duration(milliseconds(1700)), Duration(seconds(10))}) {
    for (const Duration signed_offset : {offset, -offset}) {
      const Course course = Follow(signed_offset);
      EXPECT_LE(Abs(course.left), microseconds(50)) << signed_offset.count();
      EXPECT_LE(course.furthest, microseconds(50)) << signed_offset.count();
    }
  }
}

TEST(SlewPlan, FiftyMillisecondsTakeAboutTwentyFiveSecondsAndTenSecondsTwoMinutes) {
  EXPECT_LE(Follow(milliseconds(50)).took, seconds(27));
  EXPECT_LE(Follow(seconds(10)).took, seconds(125));
}

class FakeClock : public Clock {
 public:
  Status Step(Duration offset) override {
    stepped += offset;
    return absl::OkStatus();
  }
  Status Adjust(Ppm /*frequency*/, Duration /*slew*/) override {
    ++adjustments;
    return absl::OkStatus();
  }
  Status SetKernelSync(const ntp::KernelSync& /*sync*/) override { return absl::OkStatus(); }

  Duration stepped{};
  int adjustments = 0;
};

ntp::Snapshot OffBy(Duration offset) {
  ntp::Snapshot snapshot;
  snapshot.synchronised = true;
  snapshot.offset = offset;
  snapshot.error_bound = microseconds(80);
  snapshot.sources.push_back({.name = "a", .state = ntp::SourceState::kCandidate});
  snapshot.sources.push_back({.name = "b", .state = ntp::SourceState::kSelected});
  return snapshot;
}

TEST(SetOnce, AnOffsetFromTheThresholdOnIsSteppedAtOnce) {
  for (const Duration offset : {Duration(milliseconds(128)), Duration(-seconds(3))}) {
    FakeClock clock;
    EXPECT_TRUE(SetOnce(OffBy(offset), {}, {}, clock, [](const std::string&) { FAIL(); }).ok());
    EXPECT_EQ(clock.stepped, offset);
    EXPECT_EQ(clock.adjustments, 0);
  }
}

TEST(OnceLine, SaysWhatWasDoneByWhom) {
  EXPECT_EQ(OnceLine(OffBy(seconds(3)), {}),
            "stepped by +3.00 s, give or take 80.0 us; server b\n");
  EXPECT_EQ(OnceLine(OffBy(-milliseconds(50)), {}),
            "slewed by -50.0 ms, give or take 80.0 us; server b\n");
  EXPECT_EQ(OnceLine(OffBy(seconds(3)), {.sources = {}, .slew_only = true}),
            "slewed by +3.00 s, give or take 80.0 us; server b\n");
}

}  // namespace
}  // namespace fleetsync::daemon
