#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "agent/engine/address.h"
#include "agent/server/access_list.h"
#include "agent/server/rate_limiter.h"
#include "agent/server/server_vars.h"
#include "base/time.h"
#include "proto/ntp/mac.h"
#include "proto/ntp/packet.h"

namespace fleetsync::server {

// One for each datagram; metrics and tests use the same words.
enum class Verdict : uint8_t {
  kAnswered,
  kUnsynchronised,  // answered, with stratum 16 and leap 3: nothing to tell the time by
  kKissed,          // asks too often; answered with kiss-o'-death RATE
  kLimited,         // asks too often; silence
  kDenied,          // the access list; silence
  kMalformed,       // silence
  kNotARequest,     // a server's answer, broadcast, control or private mode; silence
  kBadMac,          // no such key, or another digest; silence
};
inline constexpr size_t kVerdicts = 8;
std::string_view Name(Verdict verdict);  // "answered", "not_a_request"

struct Datagram {
  std::span<const std::byte> bytes;
  ntp::Address from;
  SystemTime received;  // by the system clock
};

struct Response {
  Verdict verdict = Verdict::kMalformed;
  size_t size = 0;  // bytes of `reply` to send; 0: stay silent. Never more than the request had
};

inline constexpr size_t kLargestReply = ntp::kHeaderSize + ntp::kMacRoom;

// A request to its answer. Each worker has its own: nothing is locked, nothing is allocated.
class Responder {
 public:
  // `access` outlives the responder. Without `authenticator` no request with a MAC is answered.
  Responder(const AccessList& access, std::optional<ntp::Authenticator> authenticator,
            RateLimit limit, uint64_t seed);

  // `sending`: the clocks as late as possible, before the answer leaves.
  Response Respond(const ServerVars& vars, const Datagram& request, Now sending,
                   std::span<std::byte, kLargestReply> reply);

  const RateLimiter& clients() const { return limiter_; }

 private:
  Response Answer(const ServerVars& vars, const Datagram& request, const ntp::Decoded& decoded,
                  Now sending, std::span<std::byte, kLargestReply> reply);
  Response Kiss(const Datagram& request, const ntp::Packet& packet,
                std::span<std::byte, kLargestReply> reply) const;

  const AccessList& access_;
  std::optional<ntp::Authenticator> authenticator_;
  RateLimiter limiter_;
};

}  // namespace fleetsync::server
