#include "proto/ntp/extension.h"

namespace fleetsync::ntp {
namespace {

constexpr size_t kHead = 4;  // type and length

uint16_t Load16(std::span<const std::byte> bytes, size_t at) {
  return static_cast<uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8 |
                               std::to_integer<unsigned>(bytes[at + 1]));
}

}  // namespace

std::optional<Extension> FirstExtension(std::span<const std::byte> bytes) {
  if (bytes.size() < kShortestExtension) return std::nullopt;
  const size_t length = Load16(bytes, 2);
  if (length < kShortestExtension || length % 4 != 0 || length > bytes.size()) return std::nullopt;
  return Extension{Load16(bytes, 0), bytes.subspan(kHead, length - kHead)};
}

Extensions::Iterator& Extensions::Iterator::operator++() {
  *this = Iterator(rest_.subspan(kHead + field_->body.size()));
  return *this;
}

Extensions::Iterator Extensions::Iterator::operator++(int) {
  const Iterator before = *this;
  ++*this;
  return before;
}

}  // namespace fleetsync::ntp
