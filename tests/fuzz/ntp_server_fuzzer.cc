// Whatever is sent to the server: no answer is larger than its request, and only a request gets
// one.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "agent/server/responder.h"

namespace {

using namespace fleetsync;

void Check(bool condition) {
  if (!condition) std::abort();
}

// Takes every digest for right, so that answers with a MAC are reached; the MAC it makes is the
// longest.
class Credulous : public server::Authenticator {
 public:
  bool Check(std::span<const std::byte> /*signed_part*/,
             std::span<const std::byte> /*mac*/) const override {
    return true;
  }
  size_t Sign(uint32_t /*key_id*/, std::span<const std::byte> /*signed_part*/,
              std::span<std::byte> mac) const override {
    std::fill(mac.begin(), mac.end(), std::byte{1});
    return mac.size();
  }
};

void CheckReply(std::span<const std::byte> request, std::span<const std::byte> reply) {
  Check(reply.size() >= ntp::kHeaderSize && reply.size() <= request.size());
  const ntp::Decoded decoded = ntp::Decode(reply.first(ntp::kHeaderSize));
  Check(decoded.ok());
  Check(decoded.packet.mode == ntp::Mode::kServer ||
        decoded.packet.mode == ntp::Mode::kSymmetricPassive);
  Check(std::equal(reply.begin() + 24, reply.begin() + 32, request.begin() + 40));
  Check(decoded.packet.version == (std::to_integer<unsigned>(request[0]) >> 3 & 7));
}

void Ask(const server::Authenticator* authenticator, std::span<const std::byte> request) {
  const server::AccessRule everybody{.network = {}, .prefix = 0};
  static const server::AccessList access(std::span(&everybody, 1));
  static server::Responder keyless(access, nullptr, {}, 1);
  static server::Responder credulous(access, authenticator, {}, 1);
  const Now now{MonoTime(std::chrono::hours(1)), SystemTime(std::chrono::hours(500'000))};
  server::ServerVars vars;
  vars.as_of = now;
  for (server::Responder* responder : {&keyless, &credulous}) {
    std::array<std::byte, server::kLargestReply> reply{};
    const server::Response response =
        responder->Respond(vars, {request, ntp::Address{.port = 1234}, now.system}, now, reply);
    Check(!server::Name(response.verdict).empty());
    const bool answered = response.verdict == server::Verdict::kUnsynchronised;
    Check(answered == (response.size > 0));
    if (answered) CheckReply(request, std::span(reply).first(response.size));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Credulous authenticator;
  Ask(&authenticator, std::span(reinterpret_cast<const std::byte*>(data), size));
  return 0;
}
