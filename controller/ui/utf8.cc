#include "controller/ui/utf8.h"

#include <cstddef>

namespace fleetsync::ui {
namespace {

constexpr char32_t kReplacement = 0xfffd;

size_t LengthOf(unsigned char first) {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}

bool Continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// How many bytes of `text` the first character has.
size_t FirstLength(std::string_view text) {
  const size_t length = LengthOf(static_cast<unsigned char>(text.front()));
  size_t have = 1;
  while (have < length && have < text.size() && Continues(text[have])) ++have;
  return have == length ? length : 1;
}

}  // namespace

char32_t TakeCharacter(std::string_view& text) {
  const size_t length = FirstLength(text);
  const auto first = static_cast<unsigned char>(text.front());
  char32_t character = first;
  if (length == 1 && first >= 0x80) character = kReplacement;
  if (length > 1) character = first & (0xffU >> (length + 1));
  for (size_t i = 1; i < length; ++i)
    character = (character << 6) | (static_cast<unsigned char>(text[i]) & 0x3fU);
  text.remove_prefix(length);
  return character;
}

void TakeCharacter(std::string_view& text, std::string& to) {
  const size_t length = FirstLength(text);
  to += text.substr(0, length);
  text.remove_prefix(length);
}

void AppendUtf8(char32_t c, std::string& to) {
  const auto byte = [&to](char32_t value) { to += static_cast<char>(value); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xc0 | (c >> 6));
  } else if (c < 0x10000) {
    byte(0xe0 | (c >> 12));
    byte(0x80 | ((c >> 6) & 0x3f));
  } else {
    byte(0xf0 | (c >> 18));
    byte(0x80 | ((c >> 12) & 0x3f));
    byte(0x80 | ((c >> 6) & 0x3f));
  }
  byte(0x80 | (c & 0x3f));
}

}  // namespace fleetsync::ui
