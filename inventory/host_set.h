#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace fleetsync::inventory {

// No pattern may stand for more names than this.
constexpr size_t kMostNames = 100'000;

// "web[01-40].example" or Ansible's "web[01:40]", steps "[1-9/2]" or "[1:9:2]", letters "[a-f]",
// several ranges, lists "[1,3,5-7]": every name, in order, zero padding kept. A name without
// brackets is itself. InvalidArgument: nothing there, unbalanced bracket, end before start,
// paddings that differ, more than kMostNames.
StatusOr<std::vector<std::string>> ExpandRange(std::string_view pattern);

// A short form of these names: {web01, web02, web03, db} → "db,web[01-03]"; with several numbers in
// a name "rack[1-2]-n[01-10]". The names in it, expanded, are the same set again. Names hold no
// brackets and commas.
std::string FoldNames(std::span<const std::string> names);

// The parts between separators that are not in brackets; at ',' "db,web[01,03]" is
// {"db", "web[01,03]"}.
std::vector<std::string_view> SplitOutsideBrackets(std::string_view text,
                                                   std::string_view separators);

// Whether the pattern, where '*' is any text and '?' any one character, matches all of `name`.
bool MatchesGlob(std::string_view pattern, std::string_view name);

}  // namespace fleetsync::inventory
