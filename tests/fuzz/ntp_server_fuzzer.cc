// Whatever is sent to the server: no answer is larger than its request, and only a request gets
// one.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "agent/server/responder.h"

namespace {

using namespace fleetsync;

void Check(bool condition) {
  if (!condition) std::abort();
}

void CheckReply(std::span<const std::byte> request, std::span<const std::byte> reply) {
  Check(reply.size() >= ntp::kHeaderSize && reply.size() <= request.size());
  const ntp::Decoded decoded = ntp::Decode(reply.first(ntp::kHeaderSize));
  Check(decoded.ok());
  Check(decoded.packet.mode == ntp::Mode::kServer ||
        decoded.packet.mode == ntp::Mode::kSymmetricPassive);
  Check(std::equal(reply.begin() + 24, reply.begin() + 32, request.begin() + 40));
  Check(decoded.packet.version == (std::to_integer<unsigned>(request[0]) >> 3 & 7));
}

ntp::Authenticator Keys() {
  ntp::KeyStore keys;
  Check(keys.Add({.id = 1, .type = ntp::KeyType::kMd5, .bytes = Secret("fuzz")}).ok());
  return *ntp::Authenticator::Create(keys);
}

void Ask(std::span<const std::byte> request) {
  const server::AccessRule everybody{.network = {}, .prefix = 0};
  static const server::AccessList access(std::span(&everybody, 1));
  static server::Responder keyless(access, std::nullopt, {}, 1);
  static server::Responder with_keys(access, Keys(), {}, 1);
  const Now now{MonoTime(std::chrono::hours(1)), SystemTime(std::chrono::hours(500'000))};
  server::ServerVars vars;
  vars.as_of = now;
  for (server::Responder* responder : {&keyless, &with_keys}) {
    std::array<std::byte, server::kLargestReply> reply{};
    const server::Response response =
        responder->Respond(vars, {request, ntp::Address{.port = 1234}, now.system}, now, reply);
    Check(!server::Name(response.verdict).empty());
    const bool answered = response.verdict == server::Verdict::kUnsynchronised;
    Check(answered == (response.size > 0));
    if (answered) CheckReply(request, std::span(reply).first(response.size));
  }
}

// As it is, and behind a good MAC.
void AskBothWays(std::span<const std::byte> request) {
  static ntp::Authenticator keys = Keys();
  Ask(request);
  std::vector<std::byte> with_mac(request.begin(), request.end());
  with_mac.resize(request.size() + ntp::kMacRoom);
  const size_t mac =
      request.empty() ? 0 : keys.Append(1, request, std::span(with_mac).subspan(request.size()));
  with_mac.resize(request.size() + mac);
  Ask(with_mac);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  AskBothWays(std::span(reinterpret_cast<const std::byte*>(data), size));
  return 0;
}
