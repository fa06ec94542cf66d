#include "controller/facts/file_fact.h"

#include <utility>

#include "base/text.h"

namespace fleetsync::facts {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendHex(std::string_view line, std::string& bytes) {
  for (const std::string_view word : SplitWords(line)) {
    if (word.size() != 2 || HexDigit(word[0]) < 0 || HexDigit(word[1]) < 0) continue;
    bytes += static_cast<char>(HexDigit(word[0]) * 16 + HexDigit(word[1]));
  }
}

int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// Each line of base64(1) is whole groups of four, so lines decode one by one.
void AppendBase64(std::string_view line, std::string& bytes) {
  unsigned bits = 0;
  int have = 0;
  for (const char c : line) {
    const int digit = Base64Digit(c);
    if (digit < 0) continue;
    bits = (bits << 6 | static_cast<unsigned>(digit)) & 0xffffff;
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes += static_cast<char>(bits >> have & 0xff);
  }
}

// "-rwsr-xr-x": nine letters after the type.
unsigned ModeOf(std::string_view letters) {
  unsigned mode = 0;
  for (size_t i = 1; i < 10 && i < letters.size(); ++i) {
    const char c = letters[i];
    const unsigned bit = 1u << (9 - i);
    if (c == 'r' || c == 'w' || c == 'x' || c == 's' || c == 't') mode |= bit;
    if (c != 's' && c != 'S' && c != 't' && c != 'T') continue;
    mode |= i == 3 ? 04000u : i == 6 ? 02000u : 01000u;
  }
  return mode;
}

}  // namespace

void ReadStat(std::string_view listing, FileFact& file) {
  const auto words = SplitWords(listing);
  if (words.size() < 4) return;
  file.mode = ModeOf(words[0]);
  file.owner = words[2];
  file.group = words[3];
}

void ReadContent(std::string_view encoding, AnswerLines& lines, FileFact& file) {
  std::string bytes;
  for (auto line = lines.NextLine(); line && *line != "."; line = lines.NextLine()) {
    if (bytes.size() >= kFileLimit) continue;
    encoding == "base64" ? AppendBase64(*line, bytes) : AppendHex(*line, bytes);
  }
  file.readable = true;
  file.content = std::move(bytes);
}

}  // namespace fleetsync::facts
