#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fleetsync::ui {

enum class Key : uint8_t {
  kCharacter,
  kUp,
  kDown,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kEnter,
  kBackspace,
  kEscape,
};
struct KeyPress {
  Key key = Key::kCharacter;
  char32_t character = 0;  // of kCharacter

  bool operator==(const KeyPress&) const = default;
  bool Is(char c) const { return key == Key::kCharacter && character == static_cast<char32_t>(c); }
};

// What a terminal sends, as keys. Sequences may come in pieces; unknown ones are left out. Pure.
class KeyReader {
 public:
  std::vector<KeyPress> Take(std::string_view bytes);

  // An escape has come that may be a key of its own or the beginning of a sequence.
  bool waiting() const { return !pending_.empty(); }
  // Nothing followed within a moment: what is waiting was the key.
  std::optional<KeyPress> GiveUpWaiting();

 private:
  std::string pending_;
};

}  // namespace fleetsync::ui
