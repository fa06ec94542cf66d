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
  explicit Kernel(int phase) : tenths_(phase) {}

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
  int tenths_;
};

struct Course {
  Duration left;      // when it is done, and the kernel as well
  Duration furthest;  // beyond the aim
  Duration took;
};

// `phase`: how many tenths of a second before the kernel's next second it is asked.
Course Follow(Duration offset, int phase) {
  Kernel kernel(phase);
  Course course{offset, {}, {}};
  const auto wait = [&] {
    course.left -= kernel.Wait(seconds(1));
    const Duration beyond = offset > Duration::zero() ? -course.left : course.left;
    course.furthest = std::max(course.furthest, beyond);
  };
  while (const auto slew = SlewForTheNextSecond(course.left)) {
    EXPECT_LE(Abs(*slew), milliseconds(500));
    kernel.Give(*slew);
    wait();
    course.took += seconds(1);
    if (course.took > seconds(3600)) {
      ADD_FAILURE() << "never done";
      break;
    }
  }
  for (int i = 0; i < 30; ++i) wait();
  return course;
}

TEST(Slew, EveryOffsetEndsWithin50MicrosecondsAndIsNotOvershot) {
  for (const Duration offset :
       {Duration(0), Duration(microseconds(49)), Duration(milliseconds(50)),
        Duration(milliseconds(128)), Duration(milliseconds(500)), Duration(milliseconds(501)),
        Duration(milliseconds(600)), Duration(milliseconds(1700)), Duration(seconds(10))}) {
    for (const Duration signed_offset : {offset, -offset}) {
      for (int phase = 0; phase < 10; ++phase) {
        const Course course = Follow(signed_offset, phase);
        EXPECT_LE(Abs(course.left), microseconds(50)) << signed_offset.count();
        EXPECT_LE(course.furthest, microseconds(50)) << signed_offset.count();
      }
    }
  }
}

TEST(Slew, FiftyMillisecondsTakeHalfAMinuteAtMostAndTenSecondsTwoMinutes) {
  for (int phase = 0; phase < 10; ++phase) {
    EXPECT_LE(Follow(milliseconds(50), phase).took, seconds(30));
    EXPECT_LE(Follow(seconds(10), phase).took, seconds(120));
  }
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
