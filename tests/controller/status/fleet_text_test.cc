#include "controller/status/fleet_text.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/status/fleet_builder.h"

namespace fleetsync::status {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

std::vector<HostInput> Fleet() {
  HostInput lost = HostAt("web03", 2ms, 1ms, 3min);
  lost.reading->reach = 0017;
  HostInput adrift = HostAt("web04", 0ms, 16s);
  adrift.reading->stratum = 16;
  adrift.reading->source = "";
  adrift.reading->reach = 0;
  adrift.reading->frequency = std::nullopt;
  return {HostAt("web01", 1200us, 900us),
          HostAt("web02", -130ms, 1ms),
          lost,
          adrift,
          SilentHost("web05"),
          UnreachableHost("db01", "connect: timed out after 10 s"),
          UnreachableHost("db02", "connect: timed out after 10 s"),
          HostAt("web06", -300us, 1ms)};
}

TEST(FleetText, TheWholePageForAPipe) {
  EXPECT_EQ(FormatFleet(BuildFleetView(Fleet(), kNow, {}), {}),
            R"(2 of 8 hosts within 10.0 ms; any two synced hosts agree within 3.40 ms
8 expected, 4 reporting, 2 synced, 1 off, 1 unsynchronised, 1 stale, 2 unreachable, 1 silent
|offset| p50 1.20 ms, p95 130 ms, p99 130 ms, max 130 ms; bound p50 1.00 ms, p95 1.00 ms, p99 1.00 ms, max 1.00 ms

HOST   STATE               OFFSET   ±BOUND  STRATUM  REACH         SOURCE        FREQ ppm   LAST
web02  ✗ off              -130 ms  1.00 ms        3  377 ■■■■■■■■  ntp1.example    -1.234    5 s
web04  ! unsynchronised     +0 ns   16.0 s        -  000 ········  -                    -    5 s
web03  ? stale           +2.00 ms  1.00 ms        3  017 ····■■■■  ntp1.example    -1.234  3 min
db01   ? unreachable
db02   ? unreachable
web05  ? silent
web01  ✓ synced          +1.20 ms   900 us        3  377 ■■■■■■■■  ntp1.example    -1.234    5 s
web06  ✓ synced           -300 us  1.00 ms        3  377 ■■■■■■■■  ntp1.example    -1.234    5 s

db[01-02]: connect: timed out after 10 s
)");
}

// A host of everything that a line can show.
std::vector<HostInput> Eventful() {
  HostInput host = HostAt("web01", 1200us, 900us);
  host.events = {{.at = kNow - 10min, .kind = EventKind::kStepped, .amount = 1s, .text = {}}};
  host.reading->measured = 1ms;
  host.reading->measured_bound = 2ms;
  for (const Duration offset : {Duration(8us), Duration(90us), Duration(1100us), Duration(12ms)})
    host.recent.push_back({.at = kNow,
                           .reports = 1,
                           .synchronised = 1,
                           .offset_min = -offset,
                           .offset_max = offset,
                           .offset_mean = offset});
  HostInput other = HostAt("web02", 40ms, 900us);
  return {host, other, SilentHost("web03"), SilentHost("web04")};
}

TEST(FleetText, ATerminalGetsTheColumnsThatFit) {
  const FleetView view = BuildFleetView(Eventful(), kNow, {});
  const auto table = [&view](size_t width) {
    const std::string text = FormatFleet(view, {.width = width, .fold = true});
    return text.substr(text.find("HOST"));
  };
  EXPECT_EQ(
      table(160),
      R"(HOST        STATE         OFFSET  ±BOUND  STRATUM  REACH         SOURCE        FREQ ppm  LAST      MEASURED HERE  RECENT
web02       ✗ off       +40.0 ms  900 us        3  377 ■■■■■■■■  ntp1.example    -1.234   5 s                  -
web[03-04]  ? silent
web01       ✓ synced ▲  +1.20 ms  900 us        3  377 ■■■■■■■■  ntp1.example    -1.234   5 s  +1.00 ms ±2.00 ms  ▁▂▅▇

▲ stepped lately
)");
  EXPECT_EQ(table(80),
            R"(HOST        STATE         OFFSET  ±BOUND  SOURCE        LAST  RECENT
web02       ✗ off       +40.0 ms  900 us  ntp1.example   5 s
web[03-04]  ? silent
web01       ✓ synced ▲  +1.20 ms  900 us  ntp1.example   5 s  ▁▂▅▇

▲ stepped lately
)");
  EXPECT_EQ(table(40),
            R"(HOST        STATE         OFFSET  ±BOUND
web02       ✗ off       +40.0 ms  900 us
web[03-04]  ? silent
web01       ✓ synced ▲  +1.20 ms  900 us

▲ stepped lately
)");
}

TEST(FleetText, GroupsAreToldFromTheWorst) {
  std::vector<HostInput> hosts = Eventful();
  hosts[1].groups = {"db"};
  const std::string text = FormatFleet(BuildFleetView(hosts, kNow, {}), {.by = By::kGroup});
  EXPECT_EQ(
      text.substr(text.find("GROUP")),
      R"(GROUP  HOSTS  IN TOLERANCE      p50      p95  max |OFFSET|  max BOUND  AGREE  10us…1s  STATES
-          2           ? 0        -        -             -          -      -  ·······  2 silent
db         1           ✗ 0  40.0 ms  40.0 ms       40.0 ms     900 us      -  ····█··  1 off
web        1           ✓ 1  1.20 ms  1.20 ms       1.20 ms     900 us      -  ···█···  all synced

▲ stepped lately
)");
}

TEST(FleetText, OnlySyncedIsGreenAndStaleNumbersAreDim) {
  const std::string text = FormatFleet(BuildFleetView(Fleet(), kNow, {}), {.color = true});
  EXPECT_THAT(text, HasSubstr("\x1b[38;5;36m✓ synced\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[1;38;5;166m✗ off\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[38;5;178m? stale\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[38;5;178m? silent\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[2m+2.00 ms\x1b[0m"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[38;5;36m? stale")));
}

TEST(FleetText, NothingKnownIsSaidWithoutNumbers) {
  const std::vector<HostInput> hosts = {SilentHost("web01")};
  EXPECT_EQ(FormatFleet(BuildFleetView(hosts, kNow, {}), {}),
            "0 of 1 hosts within 10.0 ms\n"
            "1 expected, 0 reporting, 1 silent\n"
            "\n"
            "HOST   STATE     OFFSET  ±BOUND  STRATUM  REACH  SOURCE  FREQ ppm  LAST\n"
            "web01  ? silent\n");
}

TEST(FleetText, DifferentTolerancesAreNotNamedInTheHeadline) {
  std::vector<HostInput> hosts = {HostAt("a", 1ms, 500us), HostAt("b", 1ms, 500us)};
  hosts[1].tolerance = 20ms;
  EXPECT_EQ(Headline(BuildFleetView(hosts, kNow, {}).summary),
            "2 of 2 hosts within their tolerance; any two synced hosts agree within 1.00 ms");
}

TEST(FleetText, AHostCannotSteerTheTerminal) {
  HostInput host = HostAt("web01", 1ms, 1ms);
  host.reading->source = "\x1b[2Jntp";
  const std::vector<HostInput> hosts = {host, UnreachableHost("b", "\x1b]0;x\a")};
  const std::string text = FormatFleet(BuildFleetView(hosts, kNow, {}), {});
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("\\x1b[2Jntp"));
}

}  // namespace
}  // namespace fleetsync::status
