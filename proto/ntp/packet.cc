#include "proto/ntp/packet.h"

#include "proto/ntp/extension.h"

namespace fleetsync::ntp {
namespace {

constexpr size_t kKeyIdSize = 4;         // a key id alone is a crypto-NAK
constexpr size_t kMd5MacSize = 4 + 16;   // MD5 and AES-128-CMAC
constexpr size_t kSha1MacSize = 4 + 20;  // SHA-1, and longer digests cut to it (RFC 7822 3)
constexpr size_t kLongestMac = 4 + 64;   // version 3 and earlier have no extension fields

uint32_t Load32(std::span<const std::byte> wire, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | std::to_integer<uint32_t>(wire[at + i]);
  return value;
}

Timestamp LoadTimestamp(std::span<const std::byte> wire, size_t at) {
  return {static_cast<uint64_t>(Load32(wire, at)) << 32 | Load32(wire, at + 4)};
}

void Store32(uint32_t value, std::span<std::byte, kHeaderSize> wire, size_t at) {
  for (size_t i = 0; i < 4; ++i) wire[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

void StoreTimestamp(Timestamp t, std::span<std::byte, kHeaderSize> wire, size_t at) {
  Store32(static_cast<uint32_t>(t.bits >> 32), wire, at);
  Store32(static_cast<uint32_t>(t.bits), wire, at + 4);
}

bool IsMacSize(size_t size) {
  return size == kKeyIdSize || size == kMd5MacSize || size == kSha1MacSize;
}

// RFC 7822 7.5.1.4: what is longer than the longest MAC begins with an extension field.
DecodeError SplitTrailer(std::span<const std::byte> trailer, Decoded& out) {
  size_t at = 0;
  while (out.packet.version == 4 && trailer.size() - at > kSha1MacSize) {
    const std::optional<Extension> field = FirstExtension(trailer.subspan(at));
    if (!field) return DecodeError::kBadExtension;
    at = static_cast<size_t>(field->body.data() + field->body.size() - trailer.data());
  }
  out.extensions = trailer.first(at);
  out.mac = trailer.subspan(at);
  if (out.mac.empty() || IsMacSize(out.mac.size())) return DecodeError::kNone;
  const bool long_mac = out.packet.version < 4 && out.mac.size() <= kLongestMac &&
                        out.mac.size() > kSha1MacSize && out.mac.size() % 4 == 0;
  return long_mac ? DecodeError::kNone : DecodeError::kTrailingBytes;
}

}  // namespace

std::string_view Describe(DecodeError error) {
  switch (error) {
    case DecodeError::kNone:
      return "ok";
    case DecodeError::kTooShort:
      return "shorter than an NTP header";
    case DecodeError::kVersion:
      return "NTP version is not 1 to 4";
    case DecodeError::kMode:
      return "not a time packet";
    case DecodeError::kBadExtension:
      return "malformed extension field";
    case DecodeError::kTrailingBytes:
      return "bytes after the header that are no MAC";
  }
  return "";
}

Decoded Decode(std::span<const std::byte> wire) {
  Decoded out;
  if (wire.size() < kHeaderSize) {
    out.error = DecodeError::kTooShort;
    return out;
  }
  const auto first = std::to_integer<unsigned>(wire[0]);
  const unsigned version = first >> 3 & 7;
  const unsigned mode = first & 7;
  if (version < 1 || version > 4) {
    out.error = DecodeError::kVersion;
    return out;
  }
  if (mode < 1 || mode > 5) {
    out.error = DecodeError::kMode;
    return out;
  }
  out.packet = {
      .leap = static_cast<Leap>(first >> 6),
      .version = static_cast<uint8_t>(version),
      .mode = static_cast<Mode>(mode),
      .stratum = std::to_integer<uint8_t>(wire[1]),
      .poll = static_cast<int8_t>(wire[2]),
      .precision = static_cast<int8_t>(wire[3]),
      .root_delay = FromShort(Load32(wire, 4)),
      .root_dispersion = FromShort(Load32(wire, 8)),
      .reference_id = Load32(wire, 12),
      .reference = LoadTimestamp(wire, 16),
      .origin = LoadTimestamp(wire, 24),
      .receive = LoadTimestamp(wire, 32),
      .transmit = LoadTimestamp(wire, 40),
  };
  out.error = SplitTrailer(wire.subspan(kHeaderSize), out);
  out.covered = wire.first(wire.size() - out.mac.size());
  return out;
}

void Encode(const Packet& packet, std::span<std::byte, kHeaderSize> wire) {
  wire[0] = static_cast<std::byte>(static_cast<unsigned>(packet.leap) << 6 |
                                   (packet.version & 7U) << 3 | static_cast<unsigned>(packet.mode));
  wire[1] = static_cast<std::byte>(packet.stratum);
  wire[2] = static_cast<std::byte>(packet.poll);
  wire[3] = static_cast<std::byte>(packet.precision);
  Store32(ToShort(packet.root_delay), wire, 4);
  Store32(ToShort(packet.root_dispersion), wire, 8);
  Store32(packet.reference_id, wire, 12);
  StoreTimestamp(packet.reference, wire, 16);
  StoreTimestamp(packet.origin, wire, 24);
  StoreTimestamp(packet.receive, wire, 32);
  StoreTimestamp(packet.transmit, wire, 40);
}

}  // namespace fleetsync::ntp
