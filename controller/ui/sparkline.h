#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/time.h"

namespace fleetsync::ui {

// One block a value, "▁" to "█", blank for none: |value| in steps of √10 each, so that "▇" begins
// at `reference` and "▁" ends at a thousandth of it. Hosts with the same reference compare.
std::string Sparkline(std::span<const std::optional<Duration>> values, Duration reference);

}  // namespace fleetsync::ui
