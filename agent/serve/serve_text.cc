#include "agent/serve/serve_text.h"

#include <vector>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::serve {
namespace {

constexpr size_t kWantedBuffer = size_t{4} << 20;
constexpr size_t kBufferOfARequest = 768;  // what the kernel counts for a small datagram

}  // namespace

std::string CountsText(const Counts& counts) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < counts.verdicts.size(); ++i) {
    if (counts.verdicts[i] == 0) continue;
    parts.push_back(
        fmt::format("{} {}", counts.verdicts[i], server::Name(static_cast<server::Verdict>(i))));
  }
  if (counts.overflowed > 0) parts.push_back(fmt::format("{} overflowed", counts.overflowed));
  if (counts.unsent > 0) parts.push_back(fmt::format("{} unsent", counts.unsent));
  return fmt::format("{} requests{}{}", counts.requests(), parts.empty() ? "" : ": ",
                     Join(parts, ", "));
}

std::string BufferWarning(size_t bytes) {
  if (bytes >= kWantedBuffer) return "";
  return fmt::format(
      "the receive buffer is {} KiB: bursts of requests are lost beyond some {}; run with "
      "CAP_NET_ADMIN, or set sysctl net.core.rmem_max={}",
      bytes / 1024, bytes / kBufferOfARequest, kWantedBuffer);
}

}  // namespace fleetsync::serve
