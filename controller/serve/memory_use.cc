#include "controller/serve/memory_use.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <limits>
#include <string_view>

#include "base/text.h"

namespace fleetsync::serve {

MemoryUse::MemoryUse() : statm_(open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

// What cannot be read is taken for much, and looked into.
size_t MemoryUse::Resident() const {
  std::array<char, 128> text{};
  const ssize_t size = pread(statm_.get(), text.data(), text.size(), 0);
  if (size <= 0) return std::numeric_limits<size_t>::max();
  const auto words = SplitWords(std::string_view(text.data(), static_cast<size_t>(size)));
  size_t pages = 0;
  if (words.size() < 2 ||
      std::from_chars(words[1].data(), words[1].data() + words[1].size(), pages).ec != std::errc())
    return std::numeric_limits<size_t>::max();
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// Freed memory may stay resident, and mallinfo2(), which tells it apart, walks through every free
// piece: only when there is reason to.
std::optional<size_t> MemoryUse::AtLeast(size_t limit) const {
  if (Resident() < limit) return std::nullopt;
  const struct mallinfo2 info = mallinfo2();
  const size_t used = info.uordblks + info.hblkhd;
  return used < limit ? std::nullopt : std::optional(used);
}

}  // namespace fleetsync::serve
