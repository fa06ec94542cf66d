#include "agent/server/responder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace fleetsync::server {
namespace {

constexpr uint16_t kNtpPort = 123;

// Version 1 has no mode: what does not come from a server's port is a client (RFC 1059).
bool IsVersionOneClient(const Datagram& request) {
  return request.bytes.size() >= ntp::kHeaderSize && request.from.port != kNtpPort &&
         (std::to_integer<unsigned>(request.bytes[0]) & 0x3f) == 1U << 3;
}

ntp::Decoded DecodeRequest(const Datagram& request) {
  if (!IsVersionOneClient(request)) return ntp::Decode(request.bytes);
  std::array<std::byte, ntp::kHeaderSize> header;
  std::copy_n(request.bytes.begin(), header.size(), header.begin());
  header[0] |= static_cast<std::byte>(ntp::Mode::kClient);
  ntp::Decoded decoded = ntp::Decode(header);
  decoded.covered = request.bytes.first(ntp::kHeaderSize);
  decoded.mac = request.bytes.subspan(ntp::kHeaderSize);
  return decoded;
}

bool IsRequest(const ntp::Packet& packet) {
  return packet.mode == ntp::Mode::kClient || packet.mode == ntp::Mode::kSymmetricActive;
}

// Windows asks as a symmetric peer, and is answered as one, without an association.
ntp::Mode ModeOfReply(const ntp::Packet& request) {
  return request.mode == ntp::Mode::kClient ? ntp::Mode::kServer : ntp::Mode::kSymmetricPassive;
}

ntp::Packet ReplyTo(const ntp::Packet& request) {
  return {.leap = ntp::Leap::kUnsynchronised,
          .version = request.version,
          .mode = ModeOfReply(request),
          .stratum = 16,
          .poll = request.poll,
          .origin = request.transmit};
}

Verdict VerdictOf(ntp::DecodeError error) {
  return error == ntp::DecodeError::kMode ? Verdict::kNotARequest : Verdict::kMalformed;
}

// log2 of seconds, rounded up.
int8_t PollFor(Duration interval) {
  const int log2 = static_cast<int>(std::ceil(std::log2(std::max(ToSeconds(interval), 1.0))));
  return static_cast<int8_t>(std::min(log2, 17));
}

}  // namespace

std::string_view Name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAnswered:
      return "answered";
    case Verdict::kUnsynchronised:
      return "unsynchronised";
    case Verdict::kKissed:
      return "kissed";
    case Verdict::kLimited:
      return "limited";
    case Verdict::kDenied:
      return "denied";
    case Verdict::kMalformed:
      return "malformed";
    case Verdict::kNotARequest:
      return "not_a_request";
    case Verdict::kBadMac:
      return "bad_mac";
  }
  return "";
}

Responder::Responder(const AccessList& access, std::optional<ntp::Authenticator> authenticator,
                     RateLimit limit, uint64_t seed)
    : access_(access), authenticator_(std::move(authenticator)), limiter_(limit, seed) {}

Response Responder::Respond(const ServerVars& vars, const Datagram& request, Now sending,
                            std::span<std::byte, kLargestReply> reply) {
  if (!access_.Allows(request.from)) return {Verdict::kDenied};
  const ntp::Decoded decoded = DecodeRequest(request);
  if (!decoded.ok()) return {VerdictOf(decoded.error)};
  if (!IsRequest(decoded.packet)) return {Verdict::kNotARequest};
  switch (limiter_.OnRequest(request.from, sending.mono)) {
    case RateLimiter::Decision::kServe:
      return Answer(vars, request, decoded, sending, reply);
    case RateLimiter::Decision::kKiss:
      return Kiss(request, decoded.packet, reply);
    case RateLimiter::Decision::kDrop:
      return {Verdict::kLimited};
  }
  return {};
}

Response Responder::Answer(const ServerVars& vars, const Datagram& request,
                           const ntp::Decoded& decoded, Now sending,
                           std::span<std::byte, kLargestReply> reply) {
  ntp::MacCheck mac;
  if (!decoded.mac.empty()) {
    if (authenticator_) mac = authenticator_->Check(decoded.covered, decoded.mac);
    if (!mac.ok()) return {Verdict::kBadMac};
  }
  const Duration age = std::max(sending.mono - vars.as_of.mono, Duration::zero());
  const bool synchronised =
      vars.synchronised() && SteppedBy(vars.as_of, sending) == Duration::zero();
  ntp::Packet packet = ReplyTo(decoded.packet);
  packet.precision = vars.precision;
  if (synchronised) {
    packet.leap = vars.leap;
    packet.stratum = vars.stratum;
  }
  packet.root_delay = vars.root_delay;
  packet.root_dispersion = vars.root_dispersion + FromSeconds(vars.wander * ToSeconds(age));
  packet.reference_id = vars.reference_id;
  packet.reference = vars.reference_time == SystemTime{} ? ntp::Timestamp{}
                                                         : ntp::ToTimestamp(vars.reference_time);
  // A stamp of the kernel that is later than now is from before a step.
  packet.receive = ntp::ToTimestamp(std::min(request.received, sending.system) + vars.offset);
  packet.transmit = ntp::ToTimestamp(sending.system + vars.offset);
  ntp::Encode(packet, reply.first<ntp::kHeaderSize>());

  Response response{synchronised ? Verdict::kAnswered : Verdict::kUnsynchronised, ntp::kHeaderSize};
  if (!mac.ok()) return response;
  const size_t added = authenticator_->Append(mac.key_id, reply.first(ntp::kHeaderSize),
                                              reply.subspan(ntp::kHeaderSize));
  response.size += added;
  if (added == 0 || response.size > request.bytes.size()) return {Verdict::kBadMac};
  return response;
}

Response Responder::Kiss(const Datagram& request, const ntp::Packet& packet,
                         std::span<std::byte, kLargestReply> reply) const {
  ntp::Packet kiss = ReplyTo(packet);
  kiss.stratum = 0;
  kiss.poll = std::max(packet.poll, PollFor(limiter_.limit().interval));
  kiss.reference_id = ntp::ReferenceId("RATE");
  kiss.receive = ntp::ToTimestamp(request.received);
  kiss.transmit = kiss.receive;
  ntp::Encode(kiss, reply.first<ntp::kHeaderSize>());
  return {Verdict::kKissed, ntp::kHeaderSize};
}

}  // namespace fleetsync::server
