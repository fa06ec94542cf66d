#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/servers_txt.h"
#include "tests/fuzz/inventory_invariants.h"

namespace fleetsync::inventory {
namespace {

// The same file with the marker for every word that may be a password: what is between the first
// and the last word of a line without a comment.
std::string WithMarkedPasswords(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  while (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::string marked;
  for (const std::string_view raw : Split(text, '\n')) {
    for (const std::string_view line : Split(raw, '\r')) {
      const std::vector<std::string_view> words = SplitWords(line);
      const bool comment = std::any_of(words.begin(), words.end(),
                                       [](std::string_view word) { return word.starts_with('#'); });
      for (size_t i = 0; i < words.size(); ++i) {
        const bool secret = !comment && i > 0 && i + 1 < words.size();
        marked += secret ? kMarker : words[i];
        marked += ' ';
      }
      marked += '\n';
    }
  }
  return marked;
}

}  // namespace
}  // namespace fleetsync::inventory

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fleetsync::inventory;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  RequireWellFormed(ParseServersTxt(text, "servers.txt").loaded);
  RequireNoMarker(ParseServersTxt(WithMarkedPasswords(text), "servers.txt").loaded);
  return 0;
}
