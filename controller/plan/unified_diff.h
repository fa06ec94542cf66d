#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fleetsync::plan {

struct DiffNames {
  std::string before, after;  // after "--- " and "+++ "
};

// As `diff -u` writes it: three lines of context, "\ No newline at end of file". Empty when the
// texts are the same. The fewest changed lines (Myers) up to 1 000 of them; beyond that the
// whole middle is replaced.
std::string UnifiedDiff(std::string_view before, std::string_view after, const DiffNames& names);

// Lines that are only in one of the two.
struct DiffCount {
  size_t removed = 0, added = 0;
};
DiffCount CountChanges(std::string_view before, std::string_view after);

}  // namespace fleetsync::plan
