#include "controller/sync/clock_session.h"

#include <gtest/gtest.h>

#include "fmt/format.h"
#include "tests/controller/sync/times.h"

namespace fleetsync::sync {
namespace {

using ssh::Conversation;

// A host whose clock is `behind` ours, `round_trip` away, read to a microsecond.
class FakeHost {
 public:
  FakeHost(Duration behind, Duration round_trip) : behind_(behind), round_trip_(round_trip) {}

  // Answers until the session has nothing more to run.
  StatusOr<Estimate> Run(ClockSession& session) {
    std::optional<ssh::Command> command = session.Start(At(at));
    while (command) {
      if (command->keep_input_open) {
        ++rounds;
        Answer(session);
      } else {
        EXPECT_EQ(command->line, "sleep 1");
        at += 1s;
      }
      EXPECT_FALSE(command->become);
      command = session.OnExit(At(at), {});
    }
    return session.result();
  }
  std::string Reading(const std::string& question) {
    const auto read = (At(at - round_trip_ / 2).system - behind_).time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(read);
    if (whole_seconds) return fmt::format("{} {}\n", std::stoi(question), seconds.count());
    return fmt::format(
        "{} {}.{:06}\n", std::stoi(question), seconds.count(),
        std::chrono::duration_cast<std::chrono::microseconds>(read - seconds).count());
  }

  bool whole_seconds = false;
  Duration quiet_from = Duration::max();
  Duration at{};
  int questions = 0, rounds = 0;

 private:
  void Answer(ClockSession& session) {
    Conversation::Next next = session.OnOutput(
        At(at), whole_seconds ? "fleetsync-clock seconds\n" : "fleetsync-clock shell\n", false);
    while (const auto* send = std::get_if<Conversation::Send>(&next)) {
      if (send->end) return;
      ++questions;
      if (at >= quiet_from) round_trip_ = 300us;
      at += round_trip_;
      next = session.OnOutput(At(at), Reading(send->bytes), false);
    }
    ADD_FAILURE() << "the session neither asks nor ends";
  }

  Duration behind_, round_trip_;
};

TEST(ClockSession, MeasuresWithAFewQuestions) {
  ClockSession session(10ms, 10s);
  FakeHost host(37s, 400us);
  const auto estimate = host.Run(session);
  ASSERT_TRUE(estimate.ok());
  EXPECT_EQ(host.questions, 8);
  EXPECT_LE(estimate->bound, 500us);
  EXPECT_LE(Abs(estimate->offset - 37s), estimate->bound);
}

TEST(ClockSession, IsContentWithABoundToJudgeBy) {
  ClockSession session(10ms, 10s);
  FakeHost host(-2s, 4ms);
  const auto estimate = host.Run(session);
  EXPECT_EQ(host.rounds, 1);
  EXPECT_LE(estimate->bound, 2100us);
  EXPECT_LE(Abs(estimate->offset + 2s), estimate->bound);
}

TEST(ClockSession, GivesUpSoonOnABoundThatTheNetworkDoesNotAllow) {
  ClockSession session(10ms, 10s);
  FakeHost host(-2s, 40ms);
  const auto estimate = host.Run(session);
  EXPECT_EQ(host.rounds, 3);
  EXPECT_LT(host.at, 6s);
  EXPECT_LE(estimate->bound, 22ms);
  EXPECT_LE(Abs(estimate->offset + 2s), estimate->bound);
}

// Two hundred connections being set up delay the answers; once they are up, they do not.
TEST(ClockSession, WaitsOutABusyTime) {
  ClockSession session(10ms, 10s);
  FakeHost host(-2s, 80ms);
  host.quiet_from = 3s;
  const auto estimate = host.Run(session);
  EXPECT_LE(estimate->bound, 500us);
  EXPECT_LE(Abs(estimate->offset + 2s), estimate->bound);
}

TEST(ClockSession, WaitsForTheSecondToChangeWhereThereIsNothingFiner) {
  ClockSession session(40ms, 10s);
  FakeHost host(7300ms, 2ms);
  host.whole_seconds = true;
  const auto estimate = host.Run(session);
  ASSERT_TRUE(estimate.ok());
  EXPECT_LE(estimate->bound, 2100us);
  EXPECT_LE(Abs(estimate->offset - 7300ms), estimate->bound);
  EXPECT_LT(host.at, 1s);
}

TEST(ClockSession, SkipsABannerAndAnswersThatAreNotToItsQuestion) {
  ClockSession session(10ms, 10s);
  session.Start(At(0s));
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
  ClockSession session(10ms, 10s);
  session.Start(At(0s));
  session.OnOutput(At(0s), "fleetsync-cl", false);
  session.OnOutput(At(0s), "ock shell\n", false);
  session.OnOutput(At(1ms), "1 18000000", false);
  const auto next = session.OnOutput(At(2ms), "00.001000\n", false);
  EXPECT_EQ(std::get<Conversation::Send>(next).bytes, "2\n");
}

TEST(ClockSession, SaysWhatTheShellSaidWhenItDoesNotAnswer) {
  ClockSession session(10ms, 10s);
  session.Start(At(0s));
  session.OnOutput(At(0s), "sh: date: not found\n", true);
  EXPECT_FALSE(session.OnExit(At(1s), {.code = 127, .signal = ""}));
  EXPECT_EQ(session.result().status(),
            absl::UnavailableError("measuring the clock: the host's shell ended with 127 before it "
                                   "had answered: sh: date: not found"));
}

TEST(ClockSession, RefusesAClockThatIsMovedAllTheTime) {
  ClockSession session(10ms, 10s);
  session.Start(At(0s));
  FakeHost left(0s, 1ms), right(100s, 1ms);
  Conversation::Next next = session.OnOutput(At(0s), "fleetsync-clock shell\n", false);
  for (int i = 1; std::get<Conversation::Send>(next).end == false; ++i) {
    left.at = right.at = i * 1ms;
    next = session.OnOutput(
        At(i * 1ms), (i % 2 == 0 ? left : right).Reading(std::get<Conversation::Send>(next).bytes),
        false);
  }
  EXPECT_FALSE(session.OnExit(At(1s), {}));
  EXPECT_EQ(session.result().status(),
            absl::FailedPreconditionError("measuring the clock: it was moved again and again "
                                          "meanwhile; another program sets it"));
}

TEST(ClockSession, DoesNotKeepAnEndlessLine) {
  ClockSession session(10ms, 10s);
  session.Start(At(0s));
  for (int i = 0; i < 100; ++i) session.OnOutput(At(0s), std::string(1000, 'x'), false);
  const auto next = session.OnOutput(At(0s), "\nfleetsync-clock shell\n", false);
  EXPECT_TRUE(std::holds_alternative<Conversation::Send>(next));
}

}  // namespace
}  // namespace fleetsync::sync
