#include "agent/server/vars_text.h"

#include "gtest/gtest.h"

namespace fleetsync::server {
namespace {

TEST(VarsText, SaysWhatIsServed) {
  EXPECT_EQ(VarsText({}), "unsynchronised");
  EXPECT_EQ(VarsText({.as_of = {},
                      .offset = std::chrono::microseconds(-1200),
                      .root_delay = std::chrono::milliseconds(2),
                      .root_dispersion = std::chrono::milliseconds(1),
                      .reference_id = 0xc6120101,
                      .stratum = 3,
                      .leap = ntp::Leap::kNone}),
            "stratum 3, reference 198.18.1.1, offset -1.20 ms, root distance 2.00 ms");
}

TEST(SourceText, NamesTheSourceThatIsFollowed) {
  ntp::Snapshot snapshot;
  EXPECT_EQ(SourceText(snapshot), "what the upstreams said while they answered");
  snapshot.sources = {{.name = "a"}, {.name = "b\x1b", .state = ntp::SourceState::kSelected}};
  EXPECT_EQ(SourceText(snapshot), "b\\x1b");
}

}  // namespace
}  // namespace fleetsync::server
