// Whatever comes from UDP port 123: decoded, encoded, evaluated as an answer, its extension fields
// walked, its MAC checked and made.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "proto/ntp/exchange.h"
#include "proto/ntp/extension.h"
#include "proto/ntp/mac.h"
#include "proto/ntp/names.h"
#include "proto/ntp/packet.h"

namespace {

using namespace fleetsync;

void Check(bool condition) {
  if (!condition) std::abort();
}

// The header survives the way to our types and back, byte for byte.
void CheckRoundTrip(std::span<const std::byte> wire, const ntp::Packet& packet) {
  std::array<std::byte, ntp::kHeaderSize> again{};
  ntp::Encode(packet, again);
  Check(std::equal(again.begin(), again.end(), wire.begin()));
}

// An answer that is believed keeps its promises whatever its fields are.
void CheckEvaluation(const ntp::Packet& packet) {
  const SystemTime sent{std::chrono::seconds(1'800'000'000)};
  const ntp::Request request{.cookie = packet.origin, .sent = sent};
  const auto result = ntp::Evaluate(request, packet, sent + std::chrono::milliseconds(20));
  if (result.verdict != ntp::Verdict::kGood) return;
  Check(packet.mode == ntp::Mode::kServer && packet.stratum >= 1 && packet.stratum <= 15);
  Check(packet.leap != ntp::Leap::kUnsynchronised);
  Check(result.measurement.delay >= Duration::zero());
  Check(result.measurement.error_bound >= result.measurement.delay / 2);
  Check(result.measurement.dispersion > Duration::zero());
}

// The fields of a packet that was decoded fill their part of it, and any other bytes are safe.
void CheckExtensions(std::span<const std::byte> wire, std::span<const std::byte> extensions) {
  size_t filled = 0;
  for (const ntp::Extension& field : ntp::Extensions(extensions)) {
    Check(field.body.data() == extensions.data() + filled + 4);
    filled += 4 + field.body.size();
  }
  Check(filled == extensions.size());
  for (const ntp::Extension& field : ntp::Extensions(wire)) {
    Check(field.body.data() + field.body.size() <= wire.data() + wire.size());
  }
}

// Keys 1 to 4, one of each type.
ntp::Authenticator& Authenticator() {
  static auto* const authenticator = [] {
    ntp::KeyStore keys;
    const std::string secret = "0123456789abcdef";
    uint32_t id = 0;
    for (const auto type : {ntp::KeyType::kMd5, ntp::KeyType::kSha1, ntp::KeyType::kSha256,
                            ntp::KeyType::kAesCmac128}) {
      Check(keys.Add({++id, type, Secret(secret)}).ok());
    }
    return new ntp::Authenticator(*ntp::Authenticator::Create(keys));
  }();
  return *authenticator;
}

// Any MAC gets a verdict. Of what it covers, one of ours is found and good, and is not when a bit
// of it changes; the input says which key and which bit.
void CheckMac(const ntp::Decoded& decoded) {
  const ntp::MacCheck check = Authenticator().Check(decoded.covered, decoded.mac);
  Check(!ntp::Describe(check.verdict).empty());
  Check(decoded.mac.empty() == (check.verdict == ntp::MacVerdict::kAbsent));

  const uint32_t key = 1 + std::to_integer<uint32_t>(decoded.covered[15]) % 4;
  std::vector<std::byte> wire(decoded.covered.begin(), decoded.covered.end());
  wire.resize(wire.size() + ntp::kMacRoom);
  const size_t size =
      Authenticator().Append(key, decoded.covered, std::span(wire).subspan(decoded.covered.size()));
  Check(size > 0);
  wire.resize(decoded.covered.size() + size);
  const ntp::Decoded again = ntp::Decode(wire);
  Check(again.ok() && again.mac.size() == size);
  Check(Authenticator().Check(again.covered, again.mac, key).ok());
  wire[std::to_integer<size_t>(wire[14]) % wire.size()] ^= std::byte{1};
  const ntp::Decoded changed = ntp::Decode(wire);
  Check(!changed.ok() || !Authenticator().Check(changed.covered, changed.mac, key).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span wire(reinterpret_cast<const std::byte*>(data), size);
  const ntp::Decoded decoded = ntp::Decode(wire);
  if (!decoded.ok()) {
    Check(!ntp::Describe(decoded.error).empty());
    return 0;
  }
  Check(size == ntp::kHeaderSize + decoded.extensions.size() + decoded.mac.size());
  Check(size == decoded.covered.size() + decoded.mac.size());
  Check(decoded.extensions.size() % 4 == 0);
  CheckRoundTrip(wire, decoded.packet);
  CheckEvaluation(decoded.packet);
  CheckExtensions(wire, decoded.extensions);
  CheckMac(decoded);
  for (const char c : ntp::ReferenceIdText(decoded.packet.reference_id, decoded.packet.stratum)) {
    Check(c >= 0x20 && c < 0x7f);
  }
  return 0;
}
