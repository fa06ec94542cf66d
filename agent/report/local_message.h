#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>

namespace fleetsync::report {

// Between the time process and the reporter, on a socket pair that keeps message borders. Both are
// the same binary: the struct is the format. The time process believes nothing of it but numbers in
// their range: no command carries a time.
struct LocalMessage {
  enum class Kind : uint32_t {
    kSpooled = 1,       // time process: reports up to `number` are in the spool
    kAcknowledged = 2,  // reporter: the controller has everything up to `number`
    kSyncNow = 3,       // reporter: command `number`; `flags`, `limit` in nanoseconds (0: none)
    kSetInterval = 4,   // reporter: command `number`; `limit`: milliseconds between reports
    kRestart = 5,       // reporter: command `number`
    kResult = 6,        // time process: of command `number`; `flags` is a v1::CommandOutcome
  };
  static constexpr uint32_t kAllowBackward = 1;

  Kind kind = Kind::kSpooled;
  uint32_t flags = 0;
  uint64_t number = 0;
  uint64_t limit = 0;
  int64_t offset_before = 0;  // nanoseconds, of the reference from the clock
  int64_t offset_after = 0;
  uint64_t error_bound = 0;
  char text[128] = {};  // ends with a zero

  void SetText(std::string_view said) {
    said.copy(text, std::size(text) - 1);
    text[std::min(said.size(), std::size(text) - 1)] = 0;
  }
  std::string Text() const { return {text, strnlen(text, std::size(text))}; }
};

}  // namespace fleetsync::report
