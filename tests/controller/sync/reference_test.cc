#include "controller/sync/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/controller/sync/times.h"

namespace fleetsync::sync {
namespace {

using testing::ElementsAre;

constexpr KernelClock kSynchronised{.synchronised = true, .max_error = 2ms};
constexpr KernelClock kFree{.synchronised = false, .max_error = 16s};

RelayState Good(std::string name, Duration offset, Duration bound = 100us) {
  RelayState relay;
  relay.name = std::move(name);
  relay.address = "192.0.2.1";
  relay.kind = RelayState::Kind::kSynchronised;
  relay.stratum = 3;
  relay.measured = Estimate{offset, bound};
  relay.measured_at = At(0s);
  return relay;
}

RelayState Bad(RelayState::Kind kind, std::string detail) {
  RelayState relay;
  relay.name = relay.address = "ntp1";
  relay.kind = kind;
  relay.detail = std::move(detail);
  return relay;
}

std::string ErrorOf(const StatusOr<Judgement>& judgement) {
  EXPECT_EQ(judgement.status().code(), absl::StatusCode::kFailedPrecondition);
  return Message(judgement.status());
}

TEST(JudgeReference, CorrectsAnUnsynchronisedControllerByTheRelay) {
  const auto judgement = Judge(kFree, {Good("relay1", 3ms)}, {}, At(1s));
  ASSERT_TRUE(judgement.ok()) << judgement.status();
  EXPECT_EQ(judgement->reference.name, "relay1 (192.0.2.1), stratum 3");
  EXPECT_EQ(judgement->reference.ahead.offset, 3ms);
  EXPECT_TRUE(judgement->reference.drifts);
  EXPECT_TRUE(judgement->warnings.empty());
}

TEST(JudgeReference, TakesTheRelayThatIsKnownBest) {
  const auto judgement = Judge(kFree, {Good("far", 2ms, 5ms), Good("near", 1ms, 50us)}, {}, At(1s));
  EXPECT_EQ(judgement->reference.ahead.offset, 1ms);
}

TEST(JudgeReference, RefusesWhenControllerAndRelayDiffer) {
  EXPECT_EQ(
      ErrorOf(Judge(kFree, {Good("relay1", 3200ms)}, {}, At(1s))),
      "this machine's clock and relay1 (192.0.2.1) are 3.20 s ± 100 us apart (this machine is "
      "behind; its kernel says not synchronised), so nothing is set. Set the one that is wrong "
      "first; --trust-controller-clock takes this machine's clock for right instead: every "
      "host will be as wrong as it is");
  EXPECT_FALSE(Judge(kSynchronised, {Good("relay1", -3200ms)}, {}, At(1s)).ok());
}

TEST(JudgeReference, AllowsForTheErrorOfBoth) {
  EXPECT_TRUE(Judge(kFree, {Good("relay1", 14ms, 5ms)}, {.tolerance = 10ms}, At(1s)).ok());
  EXPECT_FALSE(Judge(kFree, {Good("relay1", 16ms, 5ms)}, {.tolerance = 10ms}, At(1s)).ok());
}

TEST(JudgeReference, RefusesRelaysThatContradictEachOther) {
  EXPECT_EQ(
      ErrorOf(Judge(kFree, {Good("relay1", 0ms), Good("relay2", 2s, 1ms)}, {}, At(1s))),
      "the relays contradict each other, so nothing is set: relay2 (192.0.2.1) is +2.00 s from "
      "relay1 (192.0.2.1). Find out which is right, and name it with --relay");
}

TEST(JudgeReference, RefusesWhenNoRelayIsSynchronised) {
  EXPECT_EQ(
      ErrorOf(Judge(kSynchronised, {Bad(RelayState::Kind::kUnsynchronised, "stratum 16, leap 3")},
                    {}, At(1s))),
      "no clock to measure by, so nothing is set: ntp1 is not synchronised itself (stratum 16, "
      "leap 3); this machine's own clock is synchronised. Synchronise a relay (fleetsync "
      "status --live shows them), name another with --relay, or synchronise this machine; "
      "--trust-controller-clock takes this machine's clock for right instead: every host will "
      "be as wrong as it is");
}

TEST(JudgeReference, ASilentRelayLeavesASynchronisedController) {
  const auto judgement =
      Judge(kSynchronised, {Bad(RelayState::Kind::kSilent, "no answer")}, {}, At(1s));
  ASSERT_TRUE(judgement.ok());
  EXPECT_EQ(judgement->reference.name, "this machine's clock");
  EXPECT_EQ(judgement->reference.ahead.bound, 2ms);
  EXPECT_FALSE(judgement->reference.drifts);
  EXPECT_THAT(
      judgement->warnings,
      ElementsAre("hosts are measured by this machine's clock alone: ntp1 does not answer on "
                  "UDP 123 (no answer)"));
}

TEST(JudgeReference, ASilentRelayAndAnUnsynchronisedControllerSetNothing) {
  EXPECT_FALSE(Judge(kFree, {Bad(RelayState::Kind::kSilent, "no answer")}, {}, At(1s)).ok());
  // A kernel that claims to be synchronised and allows itself ten seconds is not.
  EXPECT_FALSE(Judge({.synchronised = true, .max_error = 10s},
                     {Bad(RelayState::Kind::kSilent, "no answer")}, {}, At(1s))
                   .ok());
}

TEST(JudgeReference, WarnsOfTheRelayItDoesNotUse) {
  const auto judgement = Judge(
      kFree, {Bad(RelayState::Kind::kUnsynchronised, "stratum 16, leap 3"), Good("relay2", 0ms)},
      {}, At(1s));
  EXPECT_THAT(judgement->warnings,
              ElementsAre("ntp1 is not synchronised itself (stratum 16, leap 3): not used"));
}

TEST(JudgeReference, TrustingTheControllerSaysWhatItRisks) {
  const auto judgement =
      Judge(kFree, {Good("relay1", 3200ms)}, {.trust_controller_clock = true}, At(1s));
  ASSERT_TRUE(judgement.ok());
  EXPECT_EQ(judgement->reference.ahead.offset, 0s);
  EXPECT_THAT(judgement->warnings,
              ElementsAre("this machine's clock is trusted unchecked (--trust-controller-clock): "
                          "every host will be as wrong as it is"));
}

TEST(Reference, AddsItsOwnErrorToTheHosts) {
  Reference reference{.name = "r", .ahead = {3ms, 100us}, .as_of = At(0s), .drifts = false};
  const auto estimate = reference.Apply({-2s, 400us}, At(10s));
  ASSERT_TRUE(estimate.ok());
  EXPECT_EQ(estimate->offset, -1997ms);
  EXPECT_EQ(estimate->bound, 500us);
}

TEST(Reference, GrowsUncertainWithAFreeRunningClock) {
  Reference reference{.name = "r", .ahead = {0s, 0s}, .as_of = At(0s), .drifts = true};
  EXPECT_EQ(reference.Apply({0s, 0s}, At(10s))->bound, 1ms);
}

TEST(Reference, RefusesAfterAStepOfOurOwnClock) {
  Reference reference{.name = "r", .ahead = {}, .as_of = At(0s), .drifts = false};
  Now now = At(10s);
  now.system += 5s;
  EXPECT_EQ(reference.Apply({0s, 0s}, now).status(),
            absl::FailedPreconditionError(
                "this machine's own clock was stepped by +5.00 s during the run; find out by what, "
                "and run again"));
}

}  // namespace
}  // namespace fleetsync::sync
