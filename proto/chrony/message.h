#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"

// chronyd's command protocol, version 6 (chrony 2.0 to 4.x): one datagram asks, one answers, all
// numbers big endian. A request is as long as its answer, so that nobody is hit with more than he
// sent. Only questions are here, nothing that changes anything.
namespace fleetsync::chrony {

inline constexpr uint16_t kPort = 323;
inline constexpr size_t kLargestReply = 1024;

enum class Command : uint16_t {
  kSourceCount = 14,
  kSourceData = 15,
  kTracking = 33,
  kSourceStats = 34,
  kNtpData = 57,     // over the Unix socket alone; from chrony 3.0 on
  kSourceName = 65,  // from chrony 4.0 on
};

enum class Status : uint16_t {
  kSuccess = 0,
  kFailed = 1,
  kUnauthorised = 2,
  kInvalid = 3,  // a command that it does not know
  kNoSuchSource = 4,
  kBadVersion = 18,
  kBadLength = 19,
};

enum class Family : uint16_t { kNone = 0, kIpv4 = 1, kIpv6 = 2, kId = 3 };
struct Address {
  std::array<uint8_t, 16> bytes{};  // an IPv4 address or an id: the first four
  Family family = Family::kNone;
};

std::vector<std::byte> EncodeRequest(Command command, uint32_t sequence);
// kSourceData, kSourceStats.
std::vector<std::byte> EncodeRequest(Command command, uint32_t sequence, int32_t index);
// kNtpData, kSourceName.
std::vector<std::byte> EncodeRequest(Command command, uint32_t sequence, const Address& source);

struct Reply {
  uint8_t version = 0;
  uint16_t command = 0;  // that it answers
  uint16_t kind = 0;
  Status status = Status::kFailed;
  uint32_t sequence = 0;
  std::span<const std::byte> body;  // in the caller's buffer
};

// None: these bytes, which may be anything, are no answer of chronyd's.
std::optional<Reply> DecodeReply(std::span<const std::byte> wire);

// What answers hold. Floating-point numbers are finite; signs are chronyd's.
struct Tracking {
  uint32_t reference_id = 0;
  Address address;
  uint16_t stratum = 0;
  uint16_t leap = 3;          // as on NTP's wire
  double reference_time = 0;  // seconds since 1970
  double correction = 0;      // still to be slewed: positive when the clock is slow (seconds)
  double last_offset = 0;     // seconds
  double rms_offset = 0;      // seconds
  double frequency_ppm = 0;   // how much too fast the clock would run uncorrected
  double residual_frequency_ppm = 0;
  double skew_ppm = 0;
  double root_delay = 0;       // seconds
  double root_dispersion = 0;  // seconds
  double update_interval = 0;  // seconds
};

enum class SourceState : uint16_t {
  kSelected = 0,
  kNotSelectable = 1,
  kFalseticker = 2,
  kJittery = 3,
  kCombined = 4,    // chronyc's '+'
  kNotCombined = 5  // chronyc's '-'
};
enum class SourceMode : uint16_t { kClient = 0, kPeer = 1, kReferenceClock = 2 };

struct SourceData {
  Address address;  // of a reference clock: its id
  int16_t poll = 0;
  uint16_t stratum = 0;
  uint16_t state = 1;  // SourceState
  uint16_t mode = 0;   // SourceMode
  uint16_t reach = 0;
  std::optional<uint32_t> since_sample;  // seconds; none: there was no sample yet
  double original_offset = 0;            // as it was measured: positive when the clock is fast
  double offset = 0;                     // the same, against the time that the clock is slewed to
  double error = 0;
};

struct SourceStats {
  uint32_t reference_id = 0;
  uint32_t samples = 0;
  double standard_deviation = 0;  // seconds
};

// Of the last packet that came from it, valid or not.
struct NtpData {
  uint8_t stratum = 0;  // 0: a kiss, or none came
  uint32_t reference_id = 0;
  double offset = 0;      // seconds
  double peer_delay = 0;  // seconds
};

// None: the reply answers another question, or is cut off.
std::optional<uint32_t> ReadSourceCount(const Reply& reply);
std::optional<Tracking> ReadTracking(const Reply& reply);
std::optional<SourceData> ReadSourceData(const Reply& reply);
std::optional<SourceStats> ReadSourceStats(const Reply& reply);
std::optional<NtpData> ReadNtpData(const Reply& reply);
// As configured; empty: it has none. Bytes that may be anything but NUL.
std::optional<std::string> ReadSourceName(const Reply& reply);

}  // namespace fleetsync::chrony
