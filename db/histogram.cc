#include "db/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace fleetsync::db {
namespace {

constexpr uint32_t kOctaveBits = 4;  // 16 classes an octave
constexpr uint64_t kExactBelow = uint64_t{2} << kOctaveBits;

uint64_t Magnitude(Duration value) {
  const int64_t count = value.count();
  return count < 0 ? uint64_t{0} - static_cast<uint64_t>(count) : static_cast<uint64_t>(count);
}

// The exponent, then the first bits behind the leading one.
uint32_t ClassOf(uint64_t value) {
  if (value < kExactBelow) return static_cast<uint32_t>(value);
  const auto shift = static_cast<uint32_t>(std::bit_width(value)) - 1 - kOctaveBits;
  return (shift << kOctaveBits) + static_cast<uint32_t>(value >> shift);
}

Duration MiddleOf(uint32_t number) {
  if (number < kExactBelow) return Duration(number);
  const uint32_t shift = std::min((number >> kOctaveBits) - 1, 59U);
  const uint64_t begin = (number - (uint64_t{shift} << kOctaveBits)) << shift;
  const uint64_t middle = begin + (uint64_t{1} << shift) / 2;
  return Duration(
      static_cast<int64_t>(std::min<uint64_t>(middle, std::numeric_limits<int64_t>::max())));
}

void AppendInteger(std::string& text, uint64_t value) {
  for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
  text += static_cast<char>(value);
}

// False at the end.
bool TakeInteger(std::string_view& text, uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && !text.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(text.front());
    text.remove_prefix(1);
    value |= uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace

void Histogram::Add(Duration value) { ++counts_[ClassOf(Magnitude(value))]; }

void Histogram::Merge(const Histogram& other) {
  for (const auto& [number, count] : other.counts_) counts_[number] += count;
}

Duration Histogram::Quantile(double fraction) const {
  uint64_t all = 0;
  for (const auto& [number, count] : counts_) all += count;
  if (all == 0) return {};
  const auto wanted =
      std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(all))));
  uint64_t seen = 0;
  for (const auto& [number, count] : counts_) {
    seen += count;
    if (seen >= wanted) return MiddleOf(number);
  }
  return MiddleOf(counts_.rbegin()->first);
}

std::string Histogram::Encode() const {
  std::string text;
  uint32_t before = 0;
  for (const auto& [number, count] : counts_) {
    AppendInteger(text, number - before);
    AppendInteger(text, count);
    before = number;
  }
  return text;
}

Histogram Histogram::Decode(std::string_view text) {
  Histogram histogram;
  uint64_t number = 0, distance = 0, count = 0;
  while (TakeInteger(text, distance) && TakeInteger(text, count)) {
    number += distance;
    if (number > ClassOf(std::numeric_limits<uint64_t>::max())) break;
    histogram.counts_[static_cast<uint32_t>(number)] += count;
  }
  return histogram;
}

}  // namespace fleetsync::db
