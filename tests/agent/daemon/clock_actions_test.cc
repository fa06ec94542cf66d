#include "agent/daemon/clock_actions.h"

#include <stdlib.h>

#include <filesystem>
#include <vector>

#include "agent/clock/null_clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FakeClock : public Clock {
 public:
  Status Step(Duration offset) override {
    if (answer.ok()) stepped += offset;
    return answer;
  }
  Status Adjust(Ppm frequency, Duration slew) override {
    last_frequency = frequency;
    last_slew = slew;
    return answer;
  }
  Status SetKernelSync(const ntp::KernelSync& sync) override {
    last_sync = sync;
    return answer;
  }

  Status answer;
  Duration stepped{};
  Ppm last_frequency{};
  Duration last_slew{};
  ntp::KernelSync last_sync;
};

class ClockActionsTest : public ::testing::Test {
 protected:
  ~ClockActionsTest() override { std::filesystem::remove_all(folder_); }

  static std::string MakeFolder() {
    std::string name = ::testing::TempDir() + "actions.XXXXXX";
    return mkdtemp(name.data());
  }

  std::string folder_ = MakeFolder();
  std::vector<std::string> log_;
  std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>();
  ClockActions actions_{clock_, DriftFile(folder_ + "/state/drift"),
                        [this](const std::string& line) { log_.push_back(line); }};
};

TEST_F(ClockActionsTest, WhatTheEngineAsksForReachesTheClock) {
  actions_.Perform(ntp::Step{std::chrono::seconds(3)});
  actions_.Perform(ntp::Adjust{{12.5}, std::chrono::milliseconds(2)});
  actions_.Perform(ntp::KernelSync{.synchronised = true, .max_error = Duration(5)});
  EXPECT_EQ(clock_->stepped, std::chrono::seconds(3));
  EXPECT_EQ(clock_->last_frequency, Ppm{12.5});
  EXPECT_EQ(clock_->last_slew, std::chrono::milliseconds(2));
  EXPECT_TRUE(clock_->last_sync.synchronised);
  EXPECT_EQ(clock_->last_sync.max_error, Duration(5));
  EXPECT_THAT(log_, IsEmpty());
}

TEST_F(ClockActionsTest, ALostPermissionIsToldOnceAndOnceWhenItIsBack) {
  clock_->answer = absl::PermissionDeniedError("adjusting the clock: no");
  for (int i = 0; i < 3; ++i) actions_.Perform(ntp::Adjust{});
  clock_->answer = absl::OkStatus();
  for (int i = 0; i < 3; ++i) actions_.Perform(ntp::Adjust{});
  EXPECT_THAT(log_, ElementsAre("adjusting the clock: no; measuring goes on",
                                "the clock can be set again"));
}

TEST_F(ClockActionsTest, ADriftThatCannotBeKeptIsToldOnceAndKeptWhenItCan) {
  for (int i = 0; i < 3; ++i) actions_.Perform(ntp::SaveDrift{{{1}, {2}}});
  std::filesystem::create_directory(folder_ + "/state");
  actions_.Perform(ntp::SaveDrift{{{1}, {2}}});
  EXPECT_THAT(log_, ElementsAre("creating a file beside " + folder_ +
                                    "/state/drift: No such file or directory; after a restart "
                                    "the clock's frequency is learned anew",
                                "the clock's frequency is kept on disk again"));
  EXPECT_EQ((*DriftFile(folder_ + "/state/drift").Read())->frequency, Ppm{1});
}

TEST(ClockActions, WhereTheClockIsLeftAloneNothingIsSaid) {
  ClockActions actions(std::make_shared<NullClock>(), std::nullopt,
                       [](const std::string&) { FAIL(); });
  actions.Perform(ntp::Step{std::chrono::seconds(3)});
  actions.Perform(ntp::Adjust{});
  actions.Perform(ntp::KernelSync{});
  actions.Perform(ntp::SaveDrift{});
}

}  // namespace
}  // namespace fleetsync::daemon
