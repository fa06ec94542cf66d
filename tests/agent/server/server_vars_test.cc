#include "agent/server/server_vars.h"

#include <thread>

#include "gtest/gtest.h"

namespace fleetsync::server {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Now kNow{MonoTime(seconds(5000)), SystemTime(seconds(1'800'000'000))};

ntp::Snapshot Synchronised() {
  ntp::Snapshot snapshot;
  snapshot.at = kNow;
  snapshot.synchronised = true;
  snapshot.offset = milliseconds(-30);
  snapshot.error_bound = milliseconds(5);
  snapshot.stratum = 3;
  snapshot.leap = ntp::Leap::kInsert;
  snapshot.reference_id = 0xc6120101;
  snapshot.root_delay = milliseconds(4);
  snapshot.root_dispersion = milliseconds(1);
  snapshot.sources.push_back({.state = ntp::SourceState::kCandidate, .sample_age = seconds(9)});
  snapshot.sources.push_back({.state = ntp::SourceState::kSelected, .sample_age = seconds(7)});
  return snapshot;
}

TEST(ServerVars, OfASnapshot) {
  const ServerVars vars = FromSnapshot(Synchronised(), -25);
  EXPECT_TRUE(vars.synchronised());
  EXPECT_EQ(vars.stratum, 3);
  EXPECT_EQ(vars.leap, ntp::Leap::kInsert);
  EXPECT_EQ(vars.reference_id, 0xc6120101u);
  EXPECT_EQ(vars.precision, -25);
  EXPECT_EQ(vars.offset, milliseconds(-30));
  EXPECT_EQ(vars.as_of.mono, kNow.mono);
  EXPECT_EQ(vars.reference_time, kNow.system - milliseconds(30) - seconds(7));
}

TEST(ServerVars, RootDelayAndDispersionNeverSayLessThanTheBound) {
  const ServerVars vars = FromSnapshot(Synchronised(), -25);
  EXPECT_EQ(vars.root_delay, milliseconds(4));
  EXPECT_EQ(vars.root_dispersion, milliseconds(3));
  ntp::Snapshot wide = Synchronised();
  wide.root_dispersion = milliseconds(50);
  EXPECT_EQ(FromSnapshot(wide, -25).root_dispersion, milliseconds(50));
}

TEST(ServerVars, OfAnEngineThatBelievesNobody) {
  ntp::Snapshot lost = Synchronised();
  lost.synchronised = false;
  const ServerVars vars = FromSnapshot(lost, -25);
  EXPECT_FALSE(vars.synchronised());
  EXPECT_EQ(vars.stratum, 16);
  EXPECT_EQ(vars.leap, ntp::Leap::kUnsynchronised);
  EXPECT_EQ(vars.offset, Duration::zero());
}

TEST(ServerVars, InHoldoverTheBoundGrowsAndTheRestStays) {
  const ServerVars last = FromSnapshot(Synchronised(), -25);
  ntp::Snapshot lost;
  lost.at = {kNow.mono + seconds(100), kNow.system + seconds(100)};
  lost.holdover = true;
  lost.offset = milliseconds(-31);
  lost.error_bound = milliseconds(9);
  const ServerVars vars = FromSnapshot(lost, -25, last);
  EXPECT_TRUE(vars.synchronised());
  EXPECT_EQ(vars.stratum, 3);
  EXPECT_EQ(vars.as_of.mono, lost.at.mono);
  EXPECT_EQ(vars.offset, milliseconds(-31));
  EXPECT_EQ(vars.root_dispersion, milliseconds(7));
  EXPECT_EQ(vars.reference_time, last.reference_time);
  EXPECT_FALSE(FromSnapshot(lost, -25).synchronised()) << "never synchronised before";
  lost.holdover = false;
  EXPECT_FALSE(FromSnapshot(lost, -25, last).synchronised());
}

TEST(ServerVars, OfTheLocalClock) {
  const ServerVars vars = FromLocalClock(kNow, milliseconds(2), 10, -25);
  EXPECT_TRUE(vars.synchronised());
  EXPECT_EQ(vars.stratum, 10);
  EXPECT_EQ(ntp::ReferenceIdText(vars.reference_id, 10), "127.127.1.1");
  EXPECT_EQ(vars.offset, milliseconds(2));
  EXPECT_EQ(ntp::ReferenceIdText(FromLocalClock(kNow, {}, 1, -25).reference_id, 1), "LOCL");
}

TEST(SteppedBy, TellsAStepFromASlew) {
  const auto later = [](Duration elapsed, Duration moved) {
    return Now{kNow.mono + elapsed, kNow.system + elapsed + moved};
  };
  EXPECT_EQ(SteppedBy(kNow, later(seconds(1), microseconds(500))), Duration::zero());
  EXPECT_EQ(SteppedBy(kNow, later(seconds(1), milliseconds(83))), Duration::zero());
  EXPECT_EQ(SteppedBy(kNow, later(seconds(1), milliseconds(-83))), Duration::zero());
  EXPECT_EQ(SteppedBy(kNow, later(seconds(1), milliseconds(128))), milliseconds(128));
  EXPECT_EQ(SteppedBy(kNow, later(milliseconds(1), milliseconds(-20))), milliseconds(-20));
  EXPECT_EQ(SteppedBy(kNow, later({}, seconds(-86'400))), seconds(-86'400));
}

TEST(PublishedVars, BeforeTheFirstPublicationNothingIsSynchronised) {
  const PublishedVars published;
  EXPECT_FALSE(published.Read().synchronised());
}

// Every field of one publication is derived from one number; a mixture would show.
ServerVars Numbered(int64_t number) {
  return {.as_of = {MonoTime(Duration(number)), SystemTime(Duration(number))},
          .offset = Duration(number),
          .root_delay = Duration(number),
          .root_dispersion = Duration(number),
          .reference_time = SystemTime(Duration(number)),
          .wander = static_cast<double>(number),
          .reference_id = static_cast<uint32_t>(number)};
}

int64_t NumberIn(const ServerVars& vars) {
  const int64_t number = vars.offset.count();
  const ServerVars whole = Numbered(number);
  const bool same =
      vars.as_of.mono == whole.as_of.mono && vars.as_of.system == whole.as_of.system &&
      vars.root_delay == whole.root_delay && vars.root_dispersion == whole.root_dispersion &&
      vars.reference_time == whole.reference_time && vars.wander == whole.wander &&
      vars.reference_id == whole.reference_id;
  return same ? number : -1;
}

TEST(PublishedVars, AReaderSeesWholePublicationsInOrder) {
  constexpr int64_t kPublications = 200'000;
  PublishedVars published;
  published.Publish(Numbered(0));
  std::atomic<bool> torn{false};
  const auto read = [&] {
    for (int64_t last = 0; last < kPublications;) {
      const int64_t number = NumberIn(published.Read());
      if (number < last) torn = true;
      if (torn) return;
      last = number;
    }
  };
  std::thread readers[] = {std::thread(read), std::thread(read)};
  for (int64_t i = 1; i <= kPublications; ++i) published.Publish(Numbered(i));
  for (std::thread& reader : readers) reader.join();
  EXPECT_FALSE(torn);
}

}  // namespace
}  // namespace fleetsync::server
