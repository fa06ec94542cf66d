#include "agent/clock/drift_file.h"

#include <charconv>
#include <cmath>

#include "base/file.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync {
namespace {

constexpr size_t kLargestFile = 4096;
// No crystal is that wrong, and no clock that was measured that uncertain.
constexpr double kMaxFrequencyPpm = 100'000;
constexpr double kMaxSkewPpm = 100'000;

std::optional<double> Number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (!std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

StatusOr<std::optional<ntp::Drift>> DriftFile::Read() const {
  const auto text = ReadFile(path_, kLargestFile);
  if (text.status().code() == absl::StatusCode::kNotFound) return std::optional<ntp::Drift>();
  if (!text.ok()) return text.status();
  const std::vector<std::string_view> words = SplitWords(*text);
  const std::optional<double> frequency = words.size() == 2 ? Number(words[0]) : std::nullopt;
  const std::optional<double> skew = words.size() == 2 ? Number(words[1]) : std::nullopt;
  const bool sane = frequency && std::abs(*frequency) <= kMaxFrequencyPpm && skew && *skew >= 0 &&
                    *skew <= kMaxSkewPpm;
  if (sane) return std::optional<ntp::Drift>({{-*frequency}, {*skew}});
  return absl::InvalidArgumentError(fmt::format(
      "reading {}: not a frequency and its skew in ppm; it is ignored, and replaced when the "
      "clock's frequency is known",
      path_));
}

Status DriftFile::Write(ntp::Drift drift) const {
  return WriteFileAtomically(
      path_, fmt::format("{:20.6f} {:20.6f}\n", -drift.frequency.value, drift.skew.value), 0644);
}

}  // namespace fleetsync
