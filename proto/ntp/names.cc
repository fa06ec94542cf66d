#include "proto/ntp/names.h"

#include <fmt/format.h>

namespace fleetsync::ntp {

std::string ReferenceIdText(uint32_t reference_id, uint8_t stratum) {
  if (stratum > 1) {
    return fmt::format("{}.{}.{}.{}", reference_id >> 24, reference_id >> 16 & 0xff,
                       reference_id >> 8 & 0xff, reference_id & 0xff);
  }
  std::string text;
  uint32_t rest = reference_id;
  for (; rest != 0; rest <<= 8) {  // NUL bytes at the end are padding
    const uint32_t byte = rest >> 24;
    if (byte > 0x20 && byte < 0x7f && byte != '\\') {
      text += static_cast<char>(byte);
    } else {
      text += fmt::format("\\x{:02x}", byte);
    }
  }
  return text;
}

Kiss KissOf(uint32_t reference_id) {
  switch (reference_id) {
    case ReferenceId("RATE"):
      return Kiss::kRate;
    case ReferenceId("DENY"):
      return Kiss::kDeny;
    case ReferenceId("RSTR"):
      return Kiss::kRestrict;
    default:
      return Kiss::kOther;
  }
}

}  // namespace fleetsync::ntp
