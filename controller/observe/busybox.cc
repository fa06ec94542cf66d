#include "agent/observe/parse_number.h"
#include "base/text.h"
#include "controller/observe/parsers.h"

namespace fleetsync::observe {

bool ParseAdjtimex(std::string_view text, DaemonState& state) {
  constexpr std::string_view kResult = "return value:";
  constexpr int64_t kTimeError = 5;  // TIME_ERROR of adjtimex(2); 1 and 2 are TIME_INS and TIME_DEL
  const size_t at = text.find(kResult);
  if (at == std::string_view::npos) return false;
  const std::vector<std::string_view> words = SplitWords(text.substr(at + kResult.size()));
  const auto result = words.empty() ? std::nullopt : ParseInteger(words[0]);
  if (!result || *result < 0 || *result > kTimeError) return false;
  const bool synchronised = *result != kTimeError;
  state.leap = !synchronised  ? Leap::kUnsynchronised
               : *result == 1 ? Leap::kInsert
               : *result == 2 ? Leap::kDelete
                              : Leap::kNone;
  state.stratum = synchronised ? 0 : 16;
  return true;
}

}  // namespace fleetsync::observe
