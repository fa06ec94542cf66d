#include "controller/sync/source_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetsync::sync {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RelayState Good(const std::string& name, Duration offset) {
  return {.name = name,
          .address = name,
          .kind = RelayState::Kind::kSynchronised,
          .stratum = 2,
          .detail = {},
          .measured = Estimate{offset, milliseconds(5)}};
}

RelayState Bad(const std::string& name, RelayState::Kind kind) {
  return {.name = name, .address = name, .kind = kind, .detail = "why", .measured = {}};
}

TEST(SourceCheck, SourcesThatAgreeAreFine) {
  const SourceFindings findings = JudgeSources(
      {Good("a", seconds(7)), Good("b", seconds(7)), Good("c", seconds(7))}, {"a", "b"}, {});
  EXPECT_THAT(findings.refusals, IsEmpty()) << "this machine's clock may be the one that is wrong";
  EXPECT_THAT(findings.warnings, IsEmpty());
}

TEST(SourceCheck, OneThatMostContradictIsRefusedWhenItIsNew) {
  const std::vector<RelayState> states = {Good("a", milliseconds(1)), Good("b", milliseconds(2)),
                                          Good("liar", seconds(3))};
  EXPECT_THAT(JudgeSources(states, {"liar"}, {}).refusals,
              ElementsAre(HasSubstr("liar is +3.00 s from this machine's clock, and 2 of 2 others "
                                    "contradict it")));
  EXPECT_THAT(JudgeSources(states, {"a"}, {}).refusals, IsEmpty());
}

TEST(SourceCheck, OfTwoThatDisagreeNeitherIsTaken) {
  EXPECT_THAT(JudgeSources({Good("a", seconds(0)), Good("b", seconds(1))}, {"a", "b"}, {}).refusals,
              testing::SizeIs(2));
}

TEST(SourceCheck, AKeptClockOfThisMachineHasAVote) {
  const KernelClock kept{.synchronised = true, .max_error = milliseconds(20)};
  EXPECT_THAT(JudgeSources({Good("a", seconds(1))}, {"a"}, kept).refusals, testing::SizeIs(1));
  EXPECT_THAT(JudgeSources({Good("a", milliseconds(50))}, {"a"}, kept).refusals, IsEmpty());
  EXPECT_THAT(JudgeSources({Good("a", seconds(1))}, {"a"}, {.synchronised = false}).refusals,
              IsEmpty());
}

TEST(SourceCheck, UnsynchronisedAndUnknownNamesAreRefusedAndSilenceIsAWarning) {
  const SourceFindings findings =
      JudgeSources({Bad("drifting", RelayState::Kind::kUnsynchronised),
                    Bad("tpyo", RelayState::Kind::kUnknownName),
                    Bad("shut", RelayState::Kind::kSilent), Bad("old", RelayState::Kind::kSilent)},
                   {"drifting", "tpyo", "shut"}, {});
  EXPECT_THAT(findings.refusals, ElementsAre(HasSubstr("drifting is not synchronised itself"),
                                             HasSubstr("tpyo has no address")));
  EXPECT_THAT(findings.warnings, ElementsAre(HasSubstr("shut does not answer on UDP 123")));
}

}  // namespace
}  // namespace fleetsync::sync
