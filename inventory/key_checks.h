#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "inventory/name.h"
#include "inventory/secret_source.h"
#include "inventory/variables.h"

// What the keys of variables.h have in common when they read a word.
namespace fleetsync::inventory {

// Paths, commands and lines of the user's own: anything but what would end a line.
Problem CheckLine(std::string_view text, std::string_view thing);

Problem SetPath(std::string& target, const Word& word);
Problem AddPath(std::vector<std::string>& target, const Word& word);
Problem SetSecret(std::optional<SecretSource>& target, SecretSource::Kind kind, const Word& word);

// "'x' is no role" with the known words as a hint.
Problem OneOf(std::string_view thing, const Word& word, std::span<const std::string_view> known);

// A whole number from `least` to `most`.
Problem SetNumber(int& target, const Word& word, int least, int most, std::string_view thing);

// Above zero; `thing` is "a duration".
Problem SetDuration(Duration& target, const Word& word);

// The keys of the two tables.
std::span<const Key> ConnectionKeys();
std::span<const Key> TimeKeys();

}  // namespace fleetsync::inventory
