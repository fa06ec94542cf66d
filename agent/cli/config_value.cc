#include "agent/cli/config_value.h"

#include <charconv>

namespace fleetsync::agent {

std::string Unknown(std::string_view kind, std::string_view word,
                    std::span<const std::string_view> known) {
  const std::string_view closest = ClosestWord(word, known);
  if (!closest.empty()) {
    return fmt::format("unknown {} \"{}\"; did you mean \"{}\"?", kind, Printable(word), closest);
  }
  return fmt::format("unknown {} \"{}\"; known are {}", kind, Printable(word),
                     fmt::join(known, ", "));
}

std::optional<int64_t> ParseNumber(std::string_view text, int64_t low, int64_t high) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < low || value > high) return std::nullopt;
  return value;
}

}  // namespace fleetsync::agent
