#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fleetsync::inventory {

struct Origin {
  std::string file;
  int line = 0;    // from 1; 0: the file as a whole, or no file at all
  int column = 0;  // from 1, in characters
};

// "FILE:LINE:COLUMN", "FILE" without a line, "" without a file.
std::string ToString(const Origin& origin);

struct Diagnostic {
  enum class Severity : uint8_t { kError, kWarning } severity = Severity::kError;
  Origin where;
  std::string what;  // "unknown key 'minpol'"
  std::string hint;  // "did you mean 'minpoll'?"; may be empty
};

// "FILE:LINE:COLUMN: what is wrong; what to do" ("warning: " before `what` for warnings). One line,
// printable whatever the file holds.
std::string ToString(const Diagnostic& diagnostic);

using Diagnostics = std::vector<Diagnostic>;
bool HasErrors(const Diagnostics& diagnostics);

void AddError(Diagnostics& diagnostics, Origin where, std::string what, std::string hint);
void AddWarning(Diagnostics& diagnostics, Origin where, std::string what, std::string hint);

// By file, line and column, so that a reader goes through each file once.
void SortByPlace(Diagnostics& diagnostics);

// A word of the file inside a message: 'word', printable, on one line, cut after 80 characters.
// Never for what may be a password.
std::string Quoted(std::string_view word);

}  // namespace fleetsync::inventory
