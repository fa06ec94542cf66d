#include "inventory/diagnostic.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::inventory {
namespace {

std::string OnOneLine(std::string_view text) {
  std::string line;
  for (const char c : Printable(text)) {
    if (c == '\n')
      line += "\\n";
    else if (c == '\t')
      line += "\\t";
    else
      line += c;
  }
  return line;
}

}  // namespace

std::string ToString(const Origin& origin) {
  if (origin.line == 0) return OnOneLine(origin.file);
  return fmt::format("{}:{}:{}", OnOneLine(origin.file), origin.line, origin.column);
}

std::string ToString(const Diagnostic& diagnostic) {
  const bool warning = diagnostic.severity == Diagnostic::Severity::kWarning;
  return fmt::format("{}: {}{}{}{}", ToString(diagnostic.where), warning ? "warning: " : "",
                     OnOneLine(diagnostic.what), diagnostic.hint.empty() ? "" : "; ",
                     OnOneLine(diagnostic.hint));
}

bool HasErrors(const Diagnostics& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& diagnostic) {
    return diagnostic.severity == Diagnostic::Severity::kError;
  });
}

void AddError(Diagnostics& diagnostics, Origin where, std::string what, std::string hint) {
  diagnostics.push_back(
      {Diagnostic::Severity::kError, std::move(where), std::move(what), std::move(hint)});
}

void AddWarning(Diagnostics& diagnostics, Origin where, std::string what, std::string hint) {
  diagnostics.push_back(
      {Diagnostic::Severity::kWarning, std::move(where), std::move(what), std::move(hint)});
}

void SortByPlace(Diagnostics& diagnostics) {
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [](const Diagnostic& a, const Diagnostic& b) {
                     return std::tie(a.where.file, a.where.line, a.where.column) <
                            std::tie(b.where.file, b.where.line, b.where.column);
                   });
}

std::string Quoted(std::string_view word) {
  constexpr size_t kLongest = 80;
  std::string text = OnOneLine(word);
  if (text.size() > kLongest) {
    size_t end = kLongest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text = text.substr(0, end) + "...";
  }
  return "'" + text + "'";
}

}  // namespace fleetsync::inventory
