#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fleetsync {

std::string_view Trim(std::string_view s);                                // spaces, tabs, CR, LF
std::vector<std::string_view> Split(std::string_view s, char separator);  // keeps empty fields
std::vector<std::string_view> SplitWords(std::string_view s);             // at runs of white space
// At blanks that are not in quotes ('…', "…"); the quotes go.
std::vector<std::string> QuotedWords(std::string_view line);
std::string Join(std::span<const std::string> parts, std::string_view separator);

// One word for a POSIX shell, whatever the bytes are. The only quoting function of the product:
// everything that reaches a remote shell passes through it. NUL bytes cannot be in an argument and
// are dropped.
std::string ShellQuote(std::string_view word);

// The known word nearest to `word` when it is near enough to be a slip of the hand, else "".
std::string_view ClosestWord(std::string_view word, std::span<const std::string_view> known);

// Columns that `s` takes on a terminal: code points, not bytes (no wide characters expected).
size_t DisplayWidth(std::string_view s);

// What may be printed on a terminal or stored: control characters and invalid UTF-8 as \xNN,
// so that a host cannot steer the operator's terminal. Keeps '\n' and '\t'.
std::string Printable(std::string_view s);

}  // namespace fleetsync
