#include "controller/sync/clock_session.h"

#include <gtest/gtest.h>

#include "tests/controller/sync/fake_clock_host.h"

namespace fleetsync::sync {
namespace {

using ssh::Conversation;

TEST(ClockSession, MeasuresWithAFewQuestions) {
  ClockSession session(500us);
  const ssh::Command command = session.Start(At(0s), 10s);
  EXPECT_TRUE(command.keep_input_open);
  EXPECT_FALSE(command.become);
  FakeClockHost host{37s, 400us};
  host.Answer(session);
  EXPECT_EQ(host.questions, 8);
  const auto estimate = session.Finish({});
  ASSERT_TRUE(estimate.ok()) << estimate.status();
  EXPECT_LE(estimate->bound, 500us);
  EXPECT_LE(Abs(estimate->offset - 37s), estimate->bound);
}

TEST(ClockSession, StopsWhenMoreQuestionsDoNotPay) {
  ClockSession session(500us);
  session.Start(At(0s), 10s);
  FakeClockHost host{-2s, 4ms};
  host.Answer(session);
  EXPECT_EQ(host.questions, 48);
  EXPECT_LE(Abs(session.Finish({})->offset + 2s), 2100us);
}

TEST(ClockSession, LastsASecondAtMost) {
  ClockSession session(500us);
  session.Start(At(0s), 10s);
  FakeClockHost host{-2s, 40ms};
  host.Answer(session);
  EXPECT_EQ(host.at, 1s);
  EXPECT_LE(Abs(session.Finish({})->offset + 2s), 21ms);
}

TEST(ClockSession, WaitsForTheSecondToChangeWhereThereIsNothingFiner) {
  ClockSession session(2ms);
  session.Start(At(0s), 10s);
  FakeClockHost host{7300ms, 2ms, true};
  host.Answer(session);
  const auto estimate = session.Finish({});
  ASSERT_TRUE(estimate.ok());
  EXPECT_LE(estimate->bound, 2100us);
  EXPECT_LE(Abs(estimate->offset - 7300ms), estimate->bound);
  EXPECT_LT(host.at, 1s);
}

TEST(ClockSession, SkipsABannerAndAnswersThatAreNotToItsQuestion) {
  ClockSession session(500us);
  session.Start(At(0s), 10s);
  EXPECT_TRUE(std::holds_alternative<Conversation::Wait>(
      session.OnOutput(At(0s), "Welcome!\n1 5.000000\n", false)));
  auto next = session.OnOutput(At(1ms), "fleetsync-clock shell\n", false);
  EXPECT_EQ(std::get<Conversation::Send>(next).bytes, "1\n");
  EXPECT_TRUE(std::holds_alternative<Conversation::Wait>(
      session.OnOutput(At(2ms), "2 5.000000\nnonsense\n", false)));
  next = session.OnOutput(At(3ms), "1 1800000000.002000\n", false);
  EXPECT_EQ(std::get<Conversation::Send>(next).bytes, "2\n");
}

TEST(ClockSession, TakesAnAnswerThatArrivesInPieces) {
  ClockSession session(500us);
  session.Start(At(0s), 10s);
  session.OnOutput(At(0s), "fleetsync-cl", false);
  session.OnOutput(At(0s), "ock shell\n", false);
  session.OnOutput(At(1ms), "1 18000000", false);
  const auto next = session.OnOutput(At(2ms), "00.001000\n", false);
  EXPECT_EQ(std::get<Conversation::Send>(next).bytes, "2\n");
}

TEST(ClockSession, SaysWhatTheShellSaidWhenItDoesNotAnswer) {
  ClockSession session(500us);
  session.Start(At(0s), 10s);
  session.OnOutput(At(0s), "sh: date: not found\n", true);
  EXPECT_EQ(session.Finish({.code = 127, .signal = ""}).status(),
            absl::UnavailableError("measuring the clock: the host's shell ended with 127 before it "
                                   "had answered: sh: date: not found"));
}

TEST(ClockSession, RefusesAClockThatIsMovedAllTheTime) {
  ClockSession session(500us);
  session.Start(At(0s), 10s);
  FakeClockHost left{0s, 1ms}, right{100s, 1ms};
  Conversation::Next next = session.OnOutput(At(0s), "fleetsync-clock shell\n", false);
  for (int i = 1; std::get<Conversation::Send>(next).end == false; ++i) {
    left.at = right.at = i * 1ms;
    next = session.OnOutput(
        At(i * 1ms), (i % 2 == 0 ? left : right).Reading(std::get<Conversation::Send>(next).bytes),
        false);
  }
  EXPECT_EQ(session.Finish({}).status(),
            absl::FailedPreconditionError("measuring the clock: it was moved again and again "
                                          "meanwhile; another program sets it"));
}

TEST(ClockSession, DoesNotKeepAnEndlessLine) {
  ClockSession session(500us);
  session.Start(At(0s), 10s);
  for (int i = 0; i < 100; ++i) session.OnOutput(At(0s), std::string(1000, 'x'), false);
  const auto next = session.OnOutput(At(0s), "\nfleetsync-clock shell\n", false);
  EXPECT_TRUE(std::holds_alternative<Conversation::Send>(next));
}

}  // namespace
}  // namespace fleetsync::sync
