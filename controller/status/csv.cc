#include "controller/status/csv.h"

#include <algorithm>

namespace fleetsync::status {
namespace {

bool IsNumber(std::string_view field) {
  return std::all_of(field.begin(), field.end(),
                     [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == '.'; });
}

std::string FieldOf(std::string_view text) {
  std::string field(text);
  const bool formula =
      !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos;
  if (formula && !IsNumber(text)) field.insert(0, 1, '\'');
  if (field.find_first_of(",\"\n\r") == std::string::npos) return field;
  std::string quoted = "\"";
  for (const char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::string CsvLine(std::span<const std::string> fields) {
  std::string line;
  for (const std::string& field : fields) {
    if (&field != &fields.front()) line += ',';
    line += FieldOf(field);
  }
  return line + '\n';
}

}  // namespace fleetsync::status
