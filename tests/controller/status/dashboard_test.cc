#include "controller/status/dashboard.h"

#include "controller/ui/screen.h"
#include "controller/ui/styled_text.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/status/fleet_builder.h"

namespace fleetsync::status {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using ui::Key;
using ui::KeyPress;

KeyPress Named(Key key) { return {.key = key}; }

void Type(Dashboard& dashboard, std::string_view text) {
  for (const char c : text) dashboard.OnKey({.character = static_cast<char32_t>(c)});
}

FleetSnapshot FleetOf(size_t hosts) {
  FleetSnapshot snapshot{.now = kNow, .hosts = {}};
  for (size_t i = 0; i < hosts; ++i)
    snapshot.hosts.push_back(HostAt(fmt::format("web{:03}", i), 100us + i * 1ns, 1ms));
  return snapshot;
}

Dashboard Showing(const FleetSnapshot& snapshot, size_t columns = 110, size_t rows = 14) {
  Dashboard dashboard(DashboardOptions{});
  dashboard.Resize(columns, rows);
  dashboard.SetFleet(snapshot);
  return dashboard;
}

// The hosts that are listed, in order.
std::vector<std::string> Listed(const Dashboard& dashboard) {
  std::vector<std::string> hosts;
  for (const std::string& line : dashboard.Frame())
    if (line.starts_with("  web") || line.starts_with("> web")) hosts.push_back(line.substr(2, 6));
  return hosts;
}

TEST(Dashboard, SaysThatItReadsUntilItHasRead) {
  Dashboard dashboard(DashboardOptions{});
  dashboard.Resize(40, 5);
  EXPECT_THAT(dashboard.Frame(), Contains("reading …"));
  EXPECT_EQ(dashboard.exit_code(), 1);
}

TEST(Dashboard, TheFrameIsExactlyTheScreen) {
  for (const size_t columns : {20, 80, 200})
    for (const size_t rows : {3, 10, 50}) {
      const Dashboard dashboard = Showing(FleetOf(30), columns, rows);
      const std::vector<std::string> frame = dashboard.Frame();
      EXPECT_EQ(frame.size(), rows);
      for (const std::string& line : frame) EXPECT_LE(ui::VisibleWidth(line), columns) << line;
    }
}

TEST(Dashboard, MovesThroughTheList) {
  Dashboard dashboard = Showing(FleetOf(30));
  dashboard.OnKey({.character = U's'});  // offset
  dashboard.OnKey({.character = U's'});  // name
  EXPECT_EQ(Listed(dashboard).front(), "web000");
  const size_t visible = Listed(dashboard).size();
  dashboard.OnKey(Named(Key::kEnd));
  EXPECT_EQ(Listed(dashboard).back(), "web029");
  EXPECT_EQ(Listed(dashboard).size(), visible);
  EXPECT_THAT(dashboard.Frame(), Contains(HasSubstr("> web029")));
  dashboard.OnKey(Named(Key::kPageUp));
  EXPECT_THAT(dashboard.Frame(), Not(Contains(HasSubstr("> web029"))));
  dashboard.OnKey(Named(Key::kHome));
  dashboard.OnKey(Named(Key::kDown));
  EXPECT_THAT(dashboard.Frame(), Contains(HasSubstr("> web001")));
}

TEST(Dashboard, TheChosenHostStaysChosenWhereverItIsSorted) {
  FleetSnapshot fleet = FleetOf(30);
  Dashboard dashboard = Showing(fleet);
  dashboard.OnKey(Named(Key::kDown));
  EXPECT_THAT(dashboard.Frame(), Contains(HasSubstr("> web028")));
  fleet.hosts[28].reading->offset = 1ns;
  dashboard.SetFleet(fleet);
  dashboard.OnKey(Named(Key::kUp));
  dashboard.OnKey(Named(Key::kDown));
  EXPECT_THAT(dashboard.Frame(), Contains(HasSubstr("> web028")));
}

TEST(Dashboard, FiltersByStateAndByName) {
  FleetSnapshot fleet = FleetOf(9);
  fleet.hosts[3].reading->offset = 5s;
  fleet.hosts[4].reading->at = kNow - 1h;
  Dashboard dashboard = Showing(fleet);
  Type(dashboard, "f");
  EXPECT_THAT(Listed(dashboard), testing::ElementsAre("web003", "web004"));
  Type(dashboard, "ff");
  EXPECT_THAT(Listed(dashboard), testing::ElementsAre("web004")) << "off, then stale";
  dashboard.OnKey(Named(Key::kEscape));
  EXPECT_EQ(Listed(dashboard).size(), 7u) << "as many as have place";
  Type(dashboard, "/007q");
  EXPECT_THAT(dashboard.Frame().back(), "/007q_") << "q is a letter here";
  dashboard.OnKey(Named(Key::kBackspace));
  dashboard.OnKey(Named(Key::kEnter));
  EXPECT_THAT(Listed(dashboard), testing::ElementsAre("web007"));
  EXPECT_THAT(dashboard.Frame(), Contains(HasSubstr("name: 007")));
}

TEST(Dashboard, OpensOneHostWithAllThatIsKnown) {
  FleetSnapshot fleet = FleetOf(3);
  HostInput& host = fleet.hosts[2];
  host.sources = {{.name = "ntp1.example",
                   .address = "192.0.2.1",
                   .state = kSourceSelected,
                   .stratum = 2,
                   .reach = 0377,
                   .reference_id = {}},
                  {.name = "ntp9.example",
                   .address = "192.0.2.9",
                   .state = kSourceFalseticker,
                   .reference_id = {}}};
  host.events = {{.at = kNow - 10min, .kind = EventKind::kStepped, .amount = -250ms, .text = {}}};
  for (int i = 30; i > 0; --i)
    host.recent.push_back({.at = kNow - i * 1min,
                           .span = 1min,
                           .reports = 6,
                           .synchronised = 6,
                           .offset_min = 90us,
                           .offset_max = 110us,
                           .offset_mean = 100us,
                           .offset_p50 = 100us,
                           .offset_p95 = 110us,
                           .offset_p99 = 110us});
  Dashboard dashboard = Showing(fleet, 100, 40);
  dashboard.OnKey(Named(Key::kEnter));
  const std::vector<std::string> frame = dashboard.Frame();
  EXPECT_THAT(frame, Contains(HasSubstr("web002  ✓ synced ▲  in web")));
  EXPECT_THAT(frame, Contains(HasSubstr("ntp9.example  x falseticker")));
  EXPECT_THAT(frame, Contains(HasSubstr("▲ the clock was stepped by -250 ms")));
  EXPECT_THAT(frame, Contains(HasSubstr("180 reports")));
  EXPECT_THAT(frame, Contains(HasSubstr("⣤⣤⣤")));
  dashboard.OnKey(Named(Key::kEscape));
  EXPECT_EQ(Listed(dashboard).size(), 3u);
}

TEST(Dashboard, TroubleIsShownAndWhatWasKnownStays) {
  Dashboard dashboard = Showing(FleetOf(2));
  dashboard.SetTrouble("db is gone");
  EXPECT_EQ(dashboard.Frame().back(), "db is gone");
  EXPECT_EQ(Listed(dashboard).size(), 2u);
  dashboard.SetFleet(FleetOf(2));
  EXPECT_THAT(dashboard.Frame().back(), HasSubstr("q leave"));
}

TEST(Dashboard, KeysThatAskForMore) {
  Dashboard dashboard = Showing(FleetOf(2));
  EXPECT_EQ(dashboard.OnKey({.character = U'q'}), Dashboard::Wish::kQuit);
  EXPECT_EQ(dashboard.OnKey({.character = U'r'}), Dashboard::Wish::kReadNow);
  EXPECT_EQ(dashboard.OnKey({.character = U'?'}), Dashboard::Wish::kNone);
  EXPECT_THAT(dashboard.Frame(), Contains(HasSubstr("all about the chosen host")));
  Type(dashboard, "b");
  dashboard.OnKey(Named(Key::kEscape));
  Type(dashboard, "b");
  EXPECT_THAT(dashboard.Frame(), Contains(HasSubstr("GROUP")));
}

TEST(Dashboard, OneHostsNewOffsetCostsAFewBytes) {
  FleetSnapshot fleet = FleetOf(1000);
  Dashboard dashboard = Showing(fleet, 160, 50);
  ui::Screen screen;
  screen.Resize(160, 50);
  const size_t whole = screen.Show(dashboard.Frame()).size();
  fleet.hosts[980].reading->offset = 101us;
  dashboard.SetFleet(fleet);
  const size_t changed = screen.Show(dashboard.Frame()).size();
  // Its line and, where it was worse than others, those that it passed: here the top line alone.
  EXPECT_GT(changed, 0u);
  EXPECT_LT(changed * 20, whole) << changed << " of " << whole;
  RecordProperty("bytes_whole", static_cast<int>(whole));
  RecordProperty("bytes_changed", static_cast<int>(changed));
}

}  // namespace
}  // namespace fleetsync::status
