#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.h"
#include "proto/ntp/packet.h"

namespace fleetsync::ntp {

// What was asked: the transmit field of the request, which the server echoes as origin, and when
// it left by our clock. The two differ on purpose: the field is random, so that nobody off the
// path can forge an answer and nobody on it learns our clock.
struct Request {
  Timestamp cookie;
  SystemTime sent;         // T1
  int8_t precision = -20;  // of our clock, log2 seconds
  uint8_t version = 4;     // asked with

  // The reference ids that say "takes its time from us": those of our addresses (what a server
  // behind us names as its source). The caller keeps them until Evaluate has returned. None: loops
  // are not looked for.
  std::span<const uint32_t> own_reference_ids{};
};

// The request for `cookie`: client mode, version 4, everything else that would tell about us zero.
Packet ClientRequest(Timestamp cookie, int8_t poll);

// One exchange of client and server (RFC 5905 8).
struct Measurement {
  Duration offset{};       // positive: the server is ahead of us
  Duration delay{};        // there and back on the network, not negative
  Duration error_bound{};  // the true time is within offset ± error_bound while the server's own
                           // claims (root delay and dispersion) are true
  Duration dispersion{};   // reading errors of both clocks during the exchange (epsilon)
};

// In the order in which they are checked.
enum class Verdict : uint8_t {
  kGood,
  kNotAServer,      // mode is not 4, or a version above the one asked with
  kOriginMismatch,  // not an answer to this request: late, repeated, or forged
  kKiss,            // kiss-o'-death; the code is the packet's reference id
  kUnsynchronised,  // leap 3, stratum 16 and more
  kBogusTimestamp,  // receive or transmit is zero, or transmit earlier than receive by more than
                    // the random bits that servers fill in below their precision explain
  kRootDistance,    // the server says it may be off by 16 s or more (MAXDISP)
  kLoop,            // the server takes its time from us (ntpd's peer_loop)
  kNegativeDelay,   // beyond what reading errors explain: one of the clocks was stepped
};
std::string_view Describe(Verdict verdict);

struct ExchangeResult {
  Verdict verdict = Verdict::kGood;
  Measurement measurement;  // meaningful when kGood
};

// `received` is T4, by the clock that Request::sent was read from. T2 and T3 are in the packet.
ExchangeResult Evaluate(const Request& request, const Packet& answer, SystemTime received);

}  // namespace fleetsync::ntp
