#include "controller/ui/sparkline.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace fleetsync::ui {
namespace {

constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr int kReferenceLevel = 6;

size_t LevelOf(Duration value, Duration reference) {
  const double ratio = ToSeconds(Abs(value)) / ToSeconds(reference);
  if (!(ratio > 0)) return 0;
  // A hair above, so that the reference itself is on its level whatever log10 rounds to.
  const double level = kReferenceLevel + 2 * std::log10(ratio) + 1e-9;
  return static_cast<size_t>(std::clamp(level, 0.0, kBlocks.size() - 1.0));
}

}  // namespace

std::string Sparkline(std::span<const std::optional<Duration>> values, Duration reference) {
  std::string line;
  for (const std::optional<Duration>& value : values)
    line += value ? kBlocks[LevelOf(*value, reference)] : " ";
  return line;
}

}  // namespace fleetsync::ui
