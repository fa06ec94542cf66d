#include "agent/serve/serve_text.h"

#include "gtest/gtest.h"

namespace fleetsync::serve {
namespace {

TEST(CountsText, IsOneLine) {
  Counts counts;
  EXPECT_EQ(CountsText(counts), "0 requests");
  counts.verdicts[static_cast<size_t>(server::Verdict::kAnswered)] = 40;
  counts.verdicts[static_cast<size_t>(server::Verdict::kDenied)] = 2;
  counts.overflowed = 7;
  EXPECT_EQ(CountsText(counts), "42 requests: 40 answered, 2 denied, 7 overflowed");
}

TEST(BufferWarning, SaysWhatIsLostAndWhatToDo) {
  EXPECT_EQ(BufferWarning(size_t{4} << 20), "");
  EXPECT_EQ(BufferWarning(212'992),
            "the receive buffer is 208 KiB: bursts of requests are lost beyond some 277; run with "
            "CAP_NET_ADMIN, or set sysctl net.core.rmem_max=4194304");
}

}  // namespace
}  // namespace fleetsync::serve
