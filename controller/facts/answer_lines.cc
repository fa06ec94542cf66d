#include "controller/facts/answer_lines.h"

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::facts {
namespace {

// Takes one line off the front of `text`, without its end.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

}  // namespace

StatusOr<AnswerLines> AnswerLines::Find(std::string_view output, std::string_view name,
                                        std::string_view what) {
  const std::string begin = fmt::format("{} begin", name), end = fmt::format("{} end", name);
  bool begun = false;
  std::string_view rest = output, body;
  while (!rest.empty()) {
    const std::string_view before = rest;
    const std::string_view line = TakeLine(rest);
    if (!begun && line == begin) {
      begun = true;
      body = rest;
    } else if (begun && line == end) {
      return AnswerLines(body.substr(0, static_cast<size_t>(before.data() - body.data())));
    }
  }
  if (begun) {
    return absl::DataLossError(
        fmt::format("{}: the answer is cut off after {} bytes", what, output.size()));
  }
  const std::string_view start = Trim(output).substr(0, 120);
  if (start.empty()) {
    return absl::DataLossError(fmt::format("{}: no answer; is the login shell sh?", what));
  }
  return absl::DataLossError(
      fmt::format("{}: this is no answer of ours: '{}'", what, Printable(start)));
}

std::optional<std::string_view> AnswerLines::NextLine() {
  if (body_.empty()) return std::nullopt;
  return TakeLine(body_);
}

std::optional<AnswerLines::Line> AnswerLines::Next() {
  while (const auto line = NextLine()) {
    const size_t equals = line->find('=');
    if (equals != std::string_view::npos) {
      return Line{line->substr(0, equals), line->substr(equals + 1)};
    }
  }
  return std::nullopt;
}

std::string Unescape(std::string_view raw) {
  std::string plain;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\' && i + 1 < raw.size()) {
      ++i;
      plain += raw[i] == 'n' ? '\n' : raw[i];
    } else {
      plain += raw[i];
    }
  }
  return plain;
}

}  // namespace fleetsync::facts
