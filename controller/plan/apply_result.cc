#include "controller/plan/apply_result.h"

#include "base/text.h"

namespace fleetsync::plan {
namespace {

constexpr std::string_view kMark = "@fleetsync ";
constexpr size_t kMaxNotes = 20;

// Takes the first word off `line`.
std::string_view TakeWord(std::string_view& line) {
  const size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  return word;
}

void Read(std::string_view line, ApplyResult& result) {
  const std::string_view word = TakeWord(line);
  if (word == "stage") {
    result.stage = Printable(Trim(line));
  } else if (word == "note") {
    if (result.notes.size() < kMaxNotes) result.notes.push_back(Printable(Trim(line)));
  } else if (word == "recovered") {
    result.recovered = Printable(Trim(line));
  } else if (word == "done" || word == "provisional") {
    result.provisional = word == "provisional";
    result.outcome = ApplyResult::Outcome::kDone;
    result.undo = ApplyResult::Undo::kNotNeeded;
  } else if (word == "failed") {
    result.outcome = ApplyResult::Outcome::kFailed;
    result.stage = Printable(TakeWord(line));
    result.why = Printable(Trim(line));
  } else if (word == "untouched") {
    result.undo = ApplyResult::Undo::kNotNeeded;
  } else if (word == "undone" || word == "undo-failed") {
    result.undo_problem = Printable(Trim(line));
    const bool well = word == "undone" && result.undo_problem.empty();
    result.undo = well ? ApplyResult::Undo::kDone : ApplyResult::Undo::kFailed;
  }
}

}  // namespace

ApplyResult ParseApplyResult(std::string_view output) {
  ApplyResult result;
  for (const std::string_view line : Split(output, '\n'))
    if (line.substr(0, kMark.size()) == kMark) Read(line.substr(kMark.size()), result);
  return result;
}

}  // namespace fleetsync::plan
