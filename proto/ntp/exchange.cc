#include "proto/ntp/exchange.h"

#include <algorithm>

namespace fleetsync::ntp {
namespace {

constexpr Duration kMaxDistance = std::chrono::seconds(16);  // RFC 5905 7.2, MAXDISP
constexpr int64_t kPhiDivisor = 1'000'000 / 15;              // PHI: clocks wander at most 15 ppm
constexpr uint8_t kUnsynchronisedStratum = 16;

// A stratum 1 names its clock with letters there, and zero names nobody.
bool FollowsUs(const Packet& answer, std::span<const uint32_t> own_reference_ids) {
  return answer.stratum > 1 && answer.reference_id != 0 &&
         std::ranges::find(own_reference_ids, answer.reference_id) != own_reference_ids.end();
}

Measurement Measure(const Request& request, const Packet& answer, SystemTime received) {
  const Timestamp t1 = ToTimestamp(request.sent);
  const Timestamp t4 = ToTimestamp(received);
  const Duration there = answer.receive - t1;
  const Duration back = answer.transmit - t4;
  const Duration away = received - request.sent;

  Measurement m;
  m.offset = (there + back) / 2;
  m.delay = away - (answer.transmit - answer.receive);
  m.dispersion = FromLog2(answer.precision) + FromLog2(request.precision) +
                 std::max(away, Duration::zero()) / kPhiDivisor;
  m.error_bound = std::max(m.delay, Duration::zero()) / 2 + m.dispersion + answer.root_delay / 2 +
                  answer.root_dispersion;
  return m;
}

}  // namespace

Packet ClientRequest(Timestamp cookie, int8_t poll) {
  return {.leap = Leap::kNone, .poll = poll, .precision = 0, .transmit = cookie};
}

std::string_view Describe(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return "good";
    case Verdict::kNotAServer:
      return "not a server's answer";
    case Verdict::kOriginMismatch:
      return "not an answer to our request";
    case Verdict::kKiss:
      return "kiss-o'-death";
    case Verdict::kUnsynchronised:
      return "the server is not synchronised";
    case Verdict::kBogusTimestamp:
      return "impossible timestamps";
    case Verdict::kRootDistance:
      return "the server is too far from its reference";
    case Verdict::kLoop:
      return "the server takes its time from us";
    case Verdict::kNegativeDelay:
      return "negative delay: a clock was stepped meanwhile";
  }
  return "";
}

ExchangeResult Evaluate(const Request& request, const Packet& answer, SystemTime received) {
  // Lower versions are taken, as ntpd and chronyd do: old servers answer in their own.
  if (answer.mode != Mode::kServer || answer.version > request.version) {
    return {Verdict::kNotAServer, {}};
  }
  if (answer.origin != request.cookie || answer.origin.IsZero()) {
    return {Verdict::kOriginMismatch, {}};
  }
  if (answer.stratum == 0) return {Verdict::kKiss, {}};
  if (answer.leap == Leap::kUnsynchronised || answer.stratum >= kUnsynchronisedStratum) {
    return {Verdict::kUnsynchronised, {}};
  }
  if (answer.receive.IsZero() || answer.transmit.IsZero() ||
      answer.transmit - answer.receive < -2 * FromLog2(answer.precision)) {
    return {Verdict::kBogusTimestamp, {}};
  }
  if (answer.root_delay / 2 + answer.root_dispersion >= kMaxDistance) {
    return {Verdict::kRootDistance, {}};
  }
  if (FollowsUs(answer, request.own_reference_ids)) return {Verdict::kLoop, {}};
  ExchangeResult result{Verdict::kGood, Measure(request, answer, received)};
  if (result.measurement.delay < -result.measurement.dispersion) {
    return {Verdict::kNegativeDelay, {}};
  }
  result.measurement.delay = std::max(result.measurement.delay, Duration::zero());
  return result;
}

}  // namespace fleetsync::ntp
