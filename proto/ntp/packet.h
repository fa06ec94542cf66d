#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.h"
#include "proto/ntp/time.h"

namespace fleetsync::ntp {

enum class Leap : uint8_t { kNone = 0, kInsert = 1, kDelete = 2, kUnsynchronised = 3 };

enum class Mode : uint8_t {
  kSymmetricActive = 1,
  kSymmetricPassive = 2,
  kClient = 3,
  kServer = 4,
  kBroadcast = 5,
};

// The header of RFC 5905 7.3, in host units.
struct Packet {
  Leap leap = Leap::kUnsynchronised;
  uint8_t version = 4;
  Mode mode = Mode::kClient;
  uint8_t stratum = 0;     // on the wire: 0 is a kiss or unspecified, 16 and more unsynchronised
  int8_t poll = 6;         // log2 seconds
  int8_t precision = -20;  // log2 seconds
  Duration root_delay{};
  Duration root_dispersion{};
  uint32_t reference_id = 0;
  Timestamp reference{};
  Timestamp origin{};
  Timestamp receive{};
  Timestamp transmit{};
};

// On the packet path an error is a number: a flood of bad packets must not allocate.
enum class DecodeError : uint8_t {
  kNone,
  kTooShort,       // less than a header
  kVersion,        // not 1 to 4
  kMode,           // reserved, control or private
  kBadExtension,   // an extension field of version 4 that is misaligned, too short or cut off
  kTrailingBytes,  // what follows the header is no MAC
};
std::string_view Describe(DecodeError error);

struct Decoded {
  DecodeError error = DecodeError::kNone;
  Packet packet;                          // meaningful when ok()
  std::span<const std::byte> extensions;  // whole fields, in the caller's buffer
  std::span<const std::byte> mac;         // key id and digest, in the caller's buffer; empty: none
  std::span<const std::byte> covered;     // what the MAC is made of: header and extensions
  bool ok() const { return error == DecodeError::kNone; }
};

inline constexpr size_t kHeaderSize = 48;

// Never reads past `wire`; looks at no clock and checks no MAC. A mode of 0 in version 1 is told
// by its port (RFC 1059), which is not seen here: kMode.
Decoded Decode(std::span<const std::byte> wire);
void Encode(const Packet& packet, std::span<std::byte, kHeaderSize> wire);

}  // namespace fleetsync::ntp
