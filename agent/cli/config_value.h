#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::agent {

// What the directives of agent.conf have in common.

using Words = std::span<const std::string_view>;
using Error = std::optional<std::string>;  // what is wrong and what to do; none: nothing is

// "unknown KIND "WORD"", with the known word that is meant, or all of them.
std::string Unknown(std::string_view kind, std::string_view word,
                    std::span<const std::string_view> known);

std::optional<int64_t> ParseNumber(std::string_view text, int64_t low, int64_t high);

template <typename T>
Error SetNumber(std::string_view name, std::string_view text, int64_t low, int64_t high, T& out) {
  const std::optional<int64_t> number = ParseNumber(text, low, high);
  if (!number) {
    return fmt::format("{} \"{}\" is not a number from {} to {}", name, Printable(text), low, high);
  }
  out = static_cast<T>(*number);
  return std::nullopt;
}

}  // namespace fleetsync::agent
