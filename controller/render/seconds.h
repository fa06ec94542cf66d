#pragma once

#include <string>

#include "base/time.h"
#include "fmt/format.h"

namespace fleetsync::render {

// In seconds as configuration files have them, exact: "1", "0.25", "-0.00025".
inline std::string Seconds(Duration d) {
  const bool negative = d < Duration::zero();
  const auto ns = negative ? -d.count() : d.count();
  constexpr int64_t kPerSecond = 1'000'000'000;
  std::string text = fmt::format("{}{}", negative ? "-" : "", ns / kPerSecond);
  if (ns % kPerSecond == 0) return text;
  text += fmt::format(".{:09}", ns % kPerSecond);
  return text.substr(0, text.find_last_not_of('0') + 1);
}

}  // namespace fleetsync::render
