#include "controller/status/event.h"

#include "gtest/gtest.h"
#include "proto/fleetsync/v1/fleet.pb.h"

namespace fleetsync::status {
namespace {

// The store keeps the protocol's numbers.
TEST(Event, NumbersAreTheProtocols) {
  EXPECT_EQ(static_cast<int>(EventKind::kStarted), v1::EVENT_KIND_STARTED);
  EXPECT_EQ(static_cast<int>(EventKind::kStepped), v1::EVENT_KIND_STEPPED);
  EXPECT_EQ(static_cast<int>(EventKind::kSteppedByOther), v1::EVENT_KIND_STEPPED_BY_OTHER);
  EXPECT_EQ(static_cast<int>(EventKind::kSourceSelected), v1::EVENT_KIND_SOURCE_SELECTED);
  EXPECT_EQ(static_cast<int>(EventKind::kFalseticker), v1::EVENT_KIND_FALSETICKER);
  EXPECT_EQ(static_cast<int>(EventKind::kResumed), v1::EVENT_KIND_RESUMED);
  EXPECT_EQ(static_cast<int>(EventKind::kLostReports), v1::EVENT_KIND_LOST_REPORTS);
  EXPECT_EQ(v1::EventKind_MAX, v1::EVENT_KIND_LOST_REPORTS) << "a new kind needs its words";
  EXPECT_EQ(kSourceSelected, v1::SOURCE_STATE_SELECTED);
  EXPECT_EQ(kSourceFalseticker, v1::SOURCE_STATE_FALSETICKER);
  EXPECT_EQ(kSourceUnreachable, v1::SOURCE_STATE_UNREACHABLE);
}

TEST(Event, TextsOfHostsArePrintable) {
  EXPECT_EQ(Describe({.at = {}, .kind = EventKind::kTrouble, .text = "\x1b[2Jx"}), "\\x1b[2Jx");
  EXPECT_EQ(ToString(static_cast<EventKind>(200)), "unknown");
}

}  // namespace
}  // namespace fleetsync::status
