#pragma once

#include <cstddef>
#include <string_view>

#include "controller/facts/answer_lines.h"
#include "controller/facts/facts.h"

namespace fleetsync::facts {

inline constexpr size_t kFileLimit = size_t{64} << 10;  // what a script tells of one file

// Mode, owner and group from a line of ls -l.
void ReadStat(std::string_view listing, FileFact& file);

// The lines of the file's bytes, in "base64" or "hex", up to one with a dot.
void ReadContent(std::string_view encoding, AnswerLines& lines, FileFact& file);

}  // namespace fleetsync::facts
