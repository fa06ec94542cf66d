#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace fleetsync::facts {

// What a script sent to a host prints: between the lines "NAME begin" and "NAME end" one
// `key=value` a line, with backslash and newline in values escaped (emit.sh). What comes before, a
// login shell's banner, is skipped.
class AnswerLines {
 public:
  // `what` is what was being done, for the error texts. DataLoss when the answer is cut off or
  // was not made by the script.
  static StatusOr<AnswerLines> Find(std::string_view output, std::string_view name,
                                    std::string_view what);

  struct Line {
    std::string_view key, raw;
  };
  // The next line with a key; nothing at the end.
  std::optional<Line> Next();
  // Whatever the next line is; nothing at the end.
  std::optional<std::string_view> NextLine();

 private:
  explicit AnswerLines(std::string_view body) : body_(body) {}
  std::string_view body_;
};

// The value that emit was given.
std::string Unescape(std::string_view raw);

}  // namespace fleetsync::facts
