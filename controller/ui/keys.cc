#include "controller/ui/keys.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "controller/ui/utf8.h"

namespace fleetsync::ui {
namespace {

constexpr char kEscapeByte = '\x1b';

struct Sequence {
  std::string_view bytes;  // behind ESC and '[' or 'O'
  Key key;
};
constexpr auto kSequences = std::to_array<Sequence>({{"A", Key::kUp},
                                                     {"B", Key::kDown},
                                                     {"H", Key::kHome},
                                                     {"F", Key::kEnd},
                                                     {"1~", Key::kHome},
                                                     {"7~", Key::kHome},
                                                     {"4~", Key::kEnd},
                                                     {"8~", Key::kEnd},
                                                     {"5~", Key::kPageUp},
                                                     {"6~", Key::kPageDown}});

// The length of the sequence that `bytes`, beginning with ESC, begins with; 0: not all of it is
// there; 1: the escape is a key of its own, something else follows.
size_t SequenceLength(std::string_view bytes) {
  if (bytes.size() < 2) return 0;
  if (bytes[1] != '[' && bytes[1] != 'O') return 1;
  const auto* const final =
      std::find_if(bytes.begin() + 2, bytes.end(), [](char c) { return c >= '@' && c <= '~'; });
  return final == bytes.end() ? 0 : static_cast<size_t>(final - bytes.begin()) + 1;
}

std::optional<KeyPress> OneByte(char c) {
  if (c == '\r' || c == '\n') return KeyPress{.key = Key::kEnter};
  if (c == '\x7f' || c == '\b') return KeyPress{.key = Key::kBackspace};
  return std::nullopt;
}

}  // namespace

std::vector<KeyPress> KeyReader::Take(std::string_view bytes) {
  pending_ += bytes;
  std::string_view rest = pending_;
  std::vector<KeyPress> keys;
  while (!rest.empty()) {
    if (rest.front() == kEscapeByte) {
      const size_t length = SequenceLength(rest);
      if (length == 0) break;
      if (length == 1) keys.push_back({.key = Key::kEscape});
      const std::string_view body = length > 1 ? rest.substr(2, length - 2) : std::string_view();
      for (const Sequence& sequence : kSequences)
        if (sequence.bytes == body) keys.push_back({.key = sequence.key});
      rest.remove_prefix(length);
    } else if (const std::optional<KeyPress> key = OneByte(rest.front())) {
      keys.push_back(*key);
      rest.remove_prefix(1);
    } else {
      const char32_t character = TakeCharacter(rest);
      if (character >= 0x20) keys.push_back({.character = character});
    }
  }
  pending_ = std::string(rest);
  return keys;
}

std::optional<KeyPress> KeyReader::GiveUpWaiting() {
  if (pending_.empty()) return std::nullopt;
  pending_.clear();
  return KeyPress{.key = Key::kEscape};
}

}  // namespace fleetsync::ui
