#include "controller/sync/agents.h"

#include "gtest/gtest.h"
#include "tests/controller/sync/times.h"

namespace fleetsync::sync {
namespace {

AgentAnswer Answer(AgentAnswer::Kind kind, Duration before, Duration after = {}) {
  return {
      .kind = kind, .text = "the agent's words", .before = {before, 50us}, .after = {after, 60us}};
}

HostResult Prepared() {
  HostResult result;
  result.host = "web01";
  return result;
}

TEST(Agents, AClockThatWasSetHasBothItsOffsets) {
  const auto result =
      FromAgent(Prepared(), Answer(AgentAnswer::Kind::kDone, 2s, 10us), {.tolerance = 10ms});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->host, "web01");
  EXPECT_EQ(result->outcome, Outcome::kSet);
  EXPECT_EQ(result->tool, "agent");
  EXPECT_EQ(result->before->offset, 2s);
  EXPECT_EQ(result->after->offset, 10us);
  EXPECT_EQ(result->after->bound, 60us);
}

TEST(Agents, AClockThatWasRightCountsAsLeft) {
  const auto result =
      FromAgent(Prepared(), Answer(AgentAnswer::Kind::kDone, 1ms), {.tolerance = 10ms});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, Outcome::kLeft);
  EXPECT_EQ(result->detail, "in tolerance");
}

TEST(Agents, ARefusalNamesTheFlagThatAllowsIt) {
  const auto result =
      FromAgent(Prepared(), Answer(AgentAnswer::Kind::kRefused, -2s), {.tolerance = 10ms});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->outcome, Outcome::kRefused);
  EXPECT_EQ(result->detail, "would step backward by 2.00 s; if that is right: --allow-backward");
}

TEST(Agents, WhatAnAgentCannotDoIsLeftToSsh) {
  for (const auto kind :
       {AgentAnswer::Kind::kAbsent, AgentAnswer::Kind::kSilent, AgentAnswer::Kind::kFailed})
    EXPECT_FALSE(FromAgent(Prepared(), Answer(kind, 2s), {}));
}

TEST(Agents, TheInventorysWordAgainstStepsBackIsNotOverridden) {
  EXPECT_TRUE(LimitsOf({.allow_backward = true}).allow_backward);
  EXPECT_FALSE(LimitsOf({.allow_backward = true, .forbid_backward = true}).allow_backward);
  EXPECT_EQ(LimitsOf({.max_step = 5s}).largest_step, 5s);
}

}  // namespace
}  // namespace fleetsync::sync
