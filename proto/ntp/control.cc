#include "proto/ntp/control.h"

#include <cstring>

namespace fleetsync::ntp {
namespace {

constexpr size_t kControlHeader = 12;
// Version 2: what ntpq sends, and every ntpd since 1992 answers.
constexpr uint8_t kFirstByte = 2 << 3 | 6;
constexpr uint8_t kModeMask = 7, kControlMode = 6;
constexpr uint8_t kIsAnswer = 0x80, kIsError = 0x40, kMoreFollows = 0x20, kOperation = 0x1f;

uint16_t Short(std::span<const std::byte> wire, size_t at) {
  return static_cast<uint16_t>(std::to_integer<unsigned>(wire[at]) << 8 |
                               std::to_integer<unsigned>(wire[at + 1]));
}

void PutShort(uint16_t value, std::byte* to) {
  to[0] = std::byte(value >> 8);
  to[1] = std::byte(value & 0xff);
}

}  // namespace

std::vector<std::byte> EncodeControlRequest(ControlOperation operation, uint16_t sequence,
                                            uint16_t association, std::string_view names) {
  const size_t padded = (names.size() + 3) / 4 * 4;
  std::vector<std::byte> wire(kControlHeader + padded);
  wire[0] = std::byte{kFirstByte};
  wire[1] = std::byte{static_cast<uint8_t>(operation)};
  PutShort(sequence, &wire[2]);
  PutShort(association, &wire[6]);
  PutShort(static_cast<uint16_t>(names.size()), &wire[10]);
  if (!names.empty()) std::memcpy(&wire[kControlHeader], names.data(), names.size());
  return wire;
}

bool ControlAnswer::Add(std::span<const std::byte> wire) {
  if (wire.size() < kControlHeader || complete()) return false;
  const auto first = std::to_integer<uint8_t>(wire[0]), second = std::to_integer<uint8_t>(wire[1]);
  if ((first & kModeMask) != kControlMode || (second & kIsAnswer) == 0 ||
      (second & kOperation) != static_cast<uint8_t>(operation_) || Short(wire, 2) != sequence_ ||
      Short(wire, 6) != association_) {
    return false;
  }
  if ((second & kIsError) != 0) {
    error_ = std::to_integer<uint8_t>(wire[4]);
    return true;
  }
  const size_t offset = Short(wire, 8), count = Short(wire, 10), end = offset + count;
  if (count > wire.size() - kControlHeader || end > kLargestAnswer) return false;
  if ((second & kMoreFollows) == 0) {
    if (size_ || end < data_.size()) return false;  // a second end, or one before what came after
    size_ = end;
  } else if (count == 0 || (size_ && end > *size_)) {
    return false;
  }
  if (end > data_.size()) {
    missing_ += end - data_.size();
    data_.resize(end);
    filled_.resize(end, false);
  }
  for (size_t i = 0; i < count; ++i) {
    if (filled_[offset + i]) continue;
    filled_[offset + i] = true;
    --missing_;
    data_[offset + i] = static_cast<char>(wire[kControlHeader + i]);
  }
  return true;
}

bool ControlAnswer::complete() const {
  return error_.has_value() || (size_ && missing_ == 0 && data_.size() == *size_);
}

std::vector<ControlAssociation> ControlAnswer::Associations() const {
  const auto bytes = std::as_bytes(std::span(data_));
  std::vector<ControlAssociation> associations;
  for (size_t at = 0; at + 4 <= bytes.size(); at += 4)
    associations.push_back({Short(bytes, at), Short(bytes, at + 2)});
  return associations;
}

}  // namespace fleetsync::ntp
