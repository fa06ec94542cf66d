#pragma once

#include <cstdint>
#include <string>

namespace fleetsync::ntp {

// As ntpq and chronyc print it: letters for a kiss (stratum 0) or a reference clock (stratum 1),
// a dotted quad else. Bytes that are not printable ASCII become \xNN.
std::string ReferenceIdText(uint32_t reference_id, uint8_t stratum);

// The four letters as a reference id: ReferenceId("RATE").
constexpr uint32_t ReferenceId(const char (&letters)[5]) {
  uint32_t id = 0;
  for (int i = 0; i < 4; ++i) id = id << 8 | static_cast<uint8_t>(letters[i]);
  return id;
}

// Why a server sent a kiss-o'-death (RFC 5905 7.4) and so what the client must do.
enum class Kiss : uint8_t {
  kRate,      // RATE: ask less often
  kDeny,      // DENY: stop asking
  kRestrict,  // RSTR: stop asking
  kOther,     // told, not acted upon (INIT, STEP, and what is not known)
};
Kiss KissOf(uint32_t reference_id);

}  // namespace fleetsync::ntp
