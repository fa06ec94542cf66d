#include "proto/ntp/exchange.h"

#include <array>

#include "gtest/gtest.h"
#include "proto/ntp/names.h"
#include "tests/proto/ntp/wire.h"

namespace fleetsync::ntp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr SystemTime kSent{seconds(1'800'000'000)};
constexpr Timestamp kCookie{0x0123456789abcdef};

struct Network {
  Duration ahead{};  // of the server
  Duration there{};
  Duration inside{};  // the server's processing
  Duration back{};
};

Packet Answer(const Network& n) {
  return {.leap = Leap::kNone,
          .mode = Mode::kServer,
          .stratum = 2,
          .precision = -20,
          .origin = kCookie,
          .receive = ToTimestamp(kSent + n.there + n.ahead),
          .transmit = ToTimestamp(kSent + n.there + n.inside + n.ahead)};
}

SystemTime Received(const Network& n) { return kSent + n.there + n.inside + n.back; }

ExchangeResult Exchanged(const Network& n) {
  return Evaluate({.cookie = kCookie, .sent = kSent}, Answer(n), Received(n));
}

Verdict VerdictOf(const Packet& answer) {
  return Evaluate({.cookie = kCookie, .sent = kSent}, answer, kSent + milliseconds(10)).verdict;
}

constexpr Network kLan{
    .there = milliseconds(1), .inside = milliseconds(1), .back = milliseconds(1)};

TEST(Exchange, OffsetIsPositiveWhenTheServerIsAhead) {
  Network n = kLan;
  n.ahead = milliseconds(30);
  const ExchangeResult r = Exchanged(n);
  ASSERT_EQ(r.verdict, Verdict::kGood);
  EXPECT_EQ(r.measurement.offset, milliseconds(30));
  EXPECT_EQ(r.measurement.delay, milliseconds(2));
  n.ahead = -seconds(5);
  EXPECT_EQ(Exchanged(n).measurement.offset, -seconds(5));
}

TEST(Exchange, TheWholeAsymmetryIsWithinTheBound) {
  for (const int there : {0, 1, 5, 10}) {
    const Network n{.ahead = milliseconds(7),
                    .there = milliseconds(there),
                    .inside = milliseconds(3),
                    .back = milliseconds(10 - there)};
    const Measurement m = Exchanged(n).measurement;
    EXPECT_LE(Abs(m.offset - n.ahead), m.error_bound);
    EXPECT_LT(m.error_bound, milliseconds(5) + std::chrono::microseconds(5));
  }
}

TEST(Exchange, TheServersOwnDistanceIsInTheBound) {
  Packet answer = Answer(kLan);
  answer.root_delay = milliseconds(20);
  answer.root_dispersion = milliseconds(3);
  const auto r = Evaluate({.cookie = kCookie, .sent = kSent}, answer, Received(kLan));
  EXPECT_EQ(r.measurement.error_bound - Exchanged(kLan).measurement.error_bound, milliseconds(13));
}

TEST(Exchange, AClockInThe1970sMeasuresAServerOfToday) {
  const SystemTime sent{seconds(100)};
  const Duration ahead = seconds(1'800'000'000);
  Packet answer = Answer(kLan);
  answer.receive = ToTimestamp(sent + ahead);
  answer.transmit = ToTimestamp(sent + ahead);
  const auto r = Evaluate({.cookie = kCookie, .sent = sent}, answer, sent);
  ASSERT_EQ(r.verdict, Verdict::kGood);
  EXPECT_EQ(r.measurement.offset, ahead);
}

TEST(Exchange, AnAnswerToAnotherRequestIsNotTaken) {
  Packet answer = Answer(kLan);
  answer.origin.bits ^= 1;
  EXPECT_EQ(VerdictOf(answer), Verdict::kOriginMismatch);
  // An answer was taken and the cookie cleared: zero matches nothing.
  answer.origin = {};
  EXPECT_EQ(Evaluate({.cookie = {}, .sent = kSent}, answer, kSent).verdict,
            Verdict::kOriginMismatch);
}

// ntpd's pkt_dup: whoever takes an answer clears the cookie.
TEST(Exchange, AnAnswerIsTakenOnce) {
  Request request{.cookie = kCookie, .sent = kSent};
  const Packet answer = Answer(kLan);
  ASSERT_EQ(Evaluate(request, answer, Received(kLan)).verdict, Verdict::kGood);
  request.cookie = {};
  EXPECT_EQ(Evaluate(request, answer, Received(kLan)).verdict, Verdict::kOriginMismatch);
}

TEST(Exchange, AnAnswerInAHigherVersionThanAskedIsRefused) {
  Packet answer = Answer(kLan);
  for (uint8_t version = 1; version <= 4; ++version) {
    answer.version = version;
    const Request request{.cookie = kCookie, .sent = kSent, .version = 3};
    EXPECT_EQ(Evaluate(request, answer, Received(kLan)).verdict,
              version <= 3 ? Verdict::kGood : Verdict::kNotAServer)
        << int{version};
    EXPECT_EQ(VerdictOf(answer), Verdict::kGood) << int{version};
  }
}

TEST(Exchange, AServerThatFollowsUsIsALoop) {
  constexpr std::array<uint32_t, 2> kOurs = {0xc6120103, 0xc6120203};
  const Request request{.cookie = kCookie, .sent = kSent, .own_reference_ids = kOurs};
  const auto verdict = [&](uint32_t reference_id, uint8_t stratum) {
    Packet answer = Answer(kLan);
    answer.reference_id = reference_id;
    answer.stratum = stratum;
    return Evaluate(request, answer, Received(kLan)).verdict;
  };
  EXPECT_EQ(verdict(0xc6120203, 2), Verdict::kLoop);
  EXPECT_EQ(verdict(0xc6120103, 15), Verdict::kLoop);
  EXPECT_EQ(verdict(0xc6120104, 2), Verdict::kGood);
  EXPECT_EQ(verdict(0xc6120203, 1), Verdict::kGood);  // letters of a reference clock
}

TEST(Exchange, ALoopIsNotLookedForWithoutOwnIds) {
  constexpr std::array<uint32_t, 1> kUnknown = {0};
  Packet answer = Answer(kLan);
  answer.reference_id = 0xc6120103;
  EXPECT_EQ(VerdictOf(answer), Verdict::kGood);
  answer.reference_id = 0;
  const Request request{.cookie = kCookie, .sent = kSent, .own_reference_ids = kUnknown};
  EXPECT_EQ(Evaluate(request, answer, Received(kLan)).verdict, Verdict::kGood);
}

TEST(Exchange, AForgedKissIsNotAKiss) {
  Packet answer = Answer(kLan);
  answer.stratum = 0;
  answer.reference_id = ReferenceId("DENY");
  EXPECT_EQ(VerdictOf(answer), Verdict::kKiss);
  answer.origin.bits ^= 1;
  EXPECT_EQ(VerdictOf(answer), Verdict::kOriginMismatch);
}

TEST(Exchange, WhatIsNoSynchronisedServersAnswerIsRefused) {
  Packet answer = Answer(kLan);
  answer.mode = Mode::kClient;  // our own request, reflected
  EXPECT_EQ(VerdictOf(answer), Verdict::kNotAServer);
  answer = Answer(kLan);
  answer.leap = Leap::kUnsynchronised;
  EXPECT_EQ(VerdictOf(answer), Verdict::kUnsynchronised);
  answer = Answer(kLan);
  answer.stratum = 15;
  EXPECT_EQ(VerdictOf(answer), Verdict::kGood);
  for (const uint8_t stratum : std::initializer_list<uint8_t>{16, 17, 255}) {
    answer.stratum = stratum;
    EXPECT_EQ(VerdictOf(answer), Verdict::kUnsynchronised) << int{stratum};
  }
}

TEST(Exchange, ImpossibleTimestampsAreRefused) {
  Packet answer = Answer(kLan);
  answer.receive = {};
  answer.transmit.bits = 1ULL << 62;
  EXPECT_EQ(VerdictOf(answer), Verdict::kBogusTimestamp);
  answer = Answer(kLan);
  answer.transmit = {};
  EXPECT_EQ(VerdictOf(answer), Verdict::kBogusTimestamp);
  answer = Answer(kLan);
  answer.transmit.bits = answer.receive.bits - 1'000'000;
  EXPECT_EQ(VerdictOf(answer), Verdict::kBogusTimestamp);
}

TEST(Exchange, AServerThatMayBeOffBySixteenSecondsIsRefused) {
  Packet answer = Answer(kLan);
  answer.root_dispersion = seconds(15);
  EXPECT_EQ(VerdictOf(answer), Verdict::kGood);
  answer.root_delay = seconds(2);
  EXPECT_EQ(VerdictOf(answer), Verdict::kRootDistance);
}

TEST(Exchange, TheRootDistanceIsHalfTheDelayAndTheWholeDispersion) {
  Packet answer = Answer(kLan);
  answer.root_delay = seconds(30);
  answer.root_dispersion = seconds(1) - Duration(1);
  EXPECT_EQ(VerdictOf(answer), Verdict::kGood);
  answer.root_dispersion = seconds(1);
  EXPECT_EQ(VerdictOf(answer), Verdict::kRootDistance);
  answer.root_delay = FromShort(UINT32_MAX);
  answer.root_dispersion = FromShort(UINT32_MAX);
  EXPECT_EQ(VerdictOf(answer), Verdict::kRootDistance);
}

// 7 February 2036, 06:28:16 UTC: each of the four timestamps in turn is the first of era 1.
TEST(Exchange, IsMeasuredAcrossTheEndOfAnEra) {
  constexpr SystemTime kEra1{seconds(2'085'978'496)};
  for (int after = -1; after <= 4; ++after) {
    const SystemTime sent = kEra1 - milliseconds(after);
    Packet answer = Answer(kLan);
    answer.receive = ToTimestamp(sent + milliseconds(1) + seconds(40));
    answer.transmit = ToTimestamp(sent + milliseconds(2) + seconds(40));
    const auto r = Evaluate({.cookie = kCookie, .sent = sent}, answer, sent + milliseconds(3));
    ASSERT_EQ(r.verdict, Verdict::kGood) << after;
    EXPECT_EQ(r.measurement.offset, seconds(40)) << after;
    EXPECT_EQ(r.measurement.delay, milliseconds(2)) << after;
  }
}

TEST(Exchange, AClockSteppedBackBetweenRequestAndAnswerIsNoticed) {
  const auto r = Evaluate({.cookie = kCookie, .sent = kSent}, Answer(kLan), kSent - seconds(1));
  EXPECT_EQ(r.verdict, Verdict::kNegativeDelay);
}

TEST(Exchange, ADelayThatIsNegativeByReadingErrorsIsZero) {
  Network n{.inside = milliseconds(1), .back = Duration(-300)};
  const ExchangeResult r = Exchanged(n);
  ASSERT_EQ(r.verdict, Verdict::kGood);
  EXPECT_EQ(r.measurement.delay, Duration(0));
}

TEST(Exchange, NoFieldOfTheAnswerOverflowsTheBound) {
  Packet answer = Answer(kLan);
  answer.precision = 127;
  const auto r = Evaluate({.cookie = kCookie, .sent = kSent}, answer, Received(kLan));
  EXPECT_GT(r.measurement.error_bound, seconds(16));
}

TEST(Exchange, TheRequestTellsNothingButItsCookie) {
  const Packet request = ClientRequest(kCookie, 6);
  EXPECT_EQ(request.mode, Mode::kClient);
  EXPECT_EQ(request.transmit, kCookie);
  EXPECT_TRUE(request.reference.IsZero() && request.origin.IsZero() && request.receive.IsZero());
  EXPECT_EQ(request.stratum, 0);
}

}  // namespace
}  // namespace fleetsync::ntp
