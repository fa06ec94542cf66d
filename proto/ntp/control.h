#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Control messages of NTP, mode 6 (RFC 9327): what ntpq asks ntpd and ntpsec's ntpd. Only questions
// are here, nothing that changes anything.
namespace fleetsync::ntp {

enum class ControlOperation : uint8_t { kReadStatus = 1, kReadVariables = 2 };

inline constexpr size_t kLargestControlMessage = 1024;  // with what a daemon adds to its 480

// `association` 0: of the system. `names`: "offset,reach", or empty: all that there are.
std::vector<std::byte> EncodeControlRequest(ControlOperation operation, uint16_t sequence,
                                            uint16_t association, std::string_view names = {});

// One association in an answer to kReadStatus of the system.
struct ControlAssociation {
  uint16_t id = 0;
  uint16_t status = 0;

  uint8_t selection() const { return status >> 8 & 7; }  // 6: the system's peer
};

// Puts the fragments of one answer together, in whatever order they come. Bytes are from outside
// and may be anything; what does not belong to the answer is left out.
class ControlAnswer {
 public:
  ControlAnswer(ControlOperation operation, uint16_t sequence, uint16_t association)
      : operation_(operation), sequence_(sequence), association_(association) {}

  // False: no part of the answer.
  bool Add(std::span<const std::byte> wire);

  bool complete() const;
  // What the daemon says instead of an answer (RFC 9327 3.1: 1 no permission, 4 no such
  // association, 5 no such variable).
  std::optional<uint8_t> error() const { return error_; }

  // Once it is complete.
  std::string_view text() const { return data_; }
  std::vector<ControlAssociation> Associations() const;

 private:
  static constexpr size_t kLargestAnswer = 64 * 1024;  // of offsets of 16 bits

  ControlOperation operation_;
  uint16_t sequence_;
  uint16_t association_;
  std::string data_;
  std::vector<bool> filled_;
  size_t missing_ = 0;  // of filled_
  std::optional<size_t> size_;
  std::optional<uint8_t> error_;
};

}  // namespace fleetsync::ntp
