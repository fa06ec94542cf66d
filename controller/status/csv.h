#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fleetsync::status {

// RFC 4180, with LF at the end: fields with a comma, a quote or the end of a line are quoted. A
// text that a spreadsheet would take for a formula gets a ' in front; numbers stay as they are.
std::string CsvLine(std::span<const std::string> fields);

}  // namespace fleetsync::status
