#include "agent/observe/doubt.h"

#include "gtest/gtest.h"

namespace fleetsync::observe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ntp::Snapshot Said(Duration at) {
  ntp::Snapshot said;
  said.at.mono = MonoTime(seconds(1000) + at);
  said.synchronised = true;
  said.error_bound = milliseconds(1);
  said.sources.push_back({.state = ntp::SourceState::kSelected, .poll = 4});
  return said;
}

TEST(Doubt, WithoutAStepThereIsNone) {
  Doubt doubt;
  ntp::Snapshot said = Said({});
  EXPECT_EQ(doubt.Widen(said), Duration::zero());
  EXPECT_EQ(said.error_bound, milliseconds(1));
}

TEST(Doubt, UntilTheSourceWasPolledTheStepIsWithinTheBound) {
  Doubt doubt;
  doubt.OnForeignStep(MonoTime(seconds(1000)), seconds(-10));
  ntp::Snapshot said = Said(seconds(31));
  EXPECT_EQ(doubt.Widen(said), seconds(10));
  EXPECT_EQ(said.error_bound, seconds(10) + milliseconds(1));
  said = Said(seconds(32));
  EXPECT_EQ(doubt.Widen(said), Duration::zero()) << "two polls of 16 s";
  EXPECT_EQ(said.error_bound, milliseconds(1));
}

TEST(Doubt, StepsAddUp) {
  Doubt doubt;
  doubt.OnForeignStep(MonoTime(seconds(1000)), seconds(-10));
  doubt.OnForeignStep(MonoTime(seconds(1001)), seconds(9));
  ntp::Snapshot said = Said(seconds(2));
  EXPECT_EQ(doubt.Widen(said), seconds(9)) << "the last one";
  EXPECT_EQ(said.error_bound, seconds(19) + milliseconds(1)) << "it may have polled between them";
}

}  // namespace
}  // namespace fleetsync::observe
