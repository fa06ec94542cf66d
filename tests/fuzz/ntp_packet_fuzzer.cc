// Whatever comes from UDP port 123: decoded, encoded, evaluated as an answer.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "proto/ntp/exchange.h"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span wire(reinterpret_cast<const std::byte*>(data), size);
  const ntp::Decoded decoded = ntp::Decode(wire);
  if (!decoded.ok()) {
    Check(!ntp::Describe(decoded.error).empty());
    return 0;
  }
  Check(size == ntp::kHeaderSize + decoded.extensions.size() + decoded.mac.size());
  Check(decoded.extensions.size() % 4 == 0);
  CheckRoundTrip(wire, decoded.packet);
  CheckEvaluation(decoded.packet);
  for (const char c : ntp::ReferenceIdText(decoded.packet.reference_id, decoded.packet.stratum)) {
    Check(c >= 0x20 && c < 0x7f);
  }
  return 0;
}
