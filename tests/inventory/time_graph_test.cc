#include "inventory/time_graph.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inventory/fleet_yaml.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Errors(std::string_view text) {
  const Loaded loaded = ParseFleetYaml(text, "f");
  EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty());
  std::vector<const Host*> all;
  for (const Host& host : loaded.inventory.hosts) all.push_back(&host);
  return Texts(CheckTimeGraph(loaded.inventory, all));
}

TEST(TimeGraph, FourUpstreamsAndThreeRelaysAreSound) {
  EXPECT_THAT(Errors(R"(groups:
  relays: {role: relay, hosts: ["r[1-3]"], time: {upstreams: [a, b, c, d], local_stratum: 10}}
  web: {hosts: ["web[1-9]"]}
)"),
              IsEmpty());
}

TEST(TimeGraph, TwoSourcesAreRefusedUnlessAllowed) {
  EXPECT_THAT(
      Errors("hosts:\n  r: {role: relay, time: {upstreams: [a, b]}}\n"),
      ElementsAre("f:2:27: r: two time sources: when they disagree, nothing tells which one "
                  "is right; have one, or three and more, or set time.two_sources to allow"));
  EXPECT_THAT(Errors("time: {upstreams: [a, b, c]}\n"
                     "hosts:\n  r1: {role: relay}\n  r2: {role: relay}\n  web1:\n  web2:\n"),
              ElementsAre(HasSubstr("web[1-2]: two time sources")))
      << "the relays of the inventory count, and like hosts are one error";
  EXPECT_THAT(Errors("time: {servers: [a, b], two_sources: allow}\nhosts: [web]\n"), IsEmpty());
  EXPECT_THAT(Errors("time: {servers: [a, b, c noselect]}\nhosts: [web]\n"),
              ElementsAre(HasSubstr("two time sources")));
  EXPECT_THAT(Errors("time: {servers: [a, pool b]}\nhosts: [web]\n"), IsEmpty())
      << "a pool is several servers";
}

TEST(TimeGraph, RelaysInACircleAreOneError) {
  EXPECT_THAT(
      Errors("defaults: {role: relay}\nhosts:\n"
             "  r1: {time: {upstreams: [r2]}}\n"
             "  r2: {address: 198.18.0.2, time: {upstreams: [x, y, r3]}}\n"
             "  r3: {time: {upstreams: [x, y, r1]}}\n"),
      ElementsAre(HasSubstr(
          "f:3:15: r1: relays take their time from one another: r1 from r2 from r3 from r1")));
  EXPECT_THAT(Errors("hosts:\n  r1: {role: relay, address: 198.18.0.1, time: {upstreams: "
                     "[198.18.0.1]}}\n"),
              ElementsAre(HasSubstr("r1 from r1")));
  EXPECT_THAT(Errors("defaults: {role: relay}\nhosts:\n  r1: {time: {upstreams: [x, y, z]}}\n"
                     "  r2: {time: {upstreams: [r1]}}\n"),
              IsEmpty());
}

TEST(TimeGraph, SmearedAndUnsmearedSourcesAreNotMixed) {
  EXPECT_THAT(
      Errors("time: {servers: [time1.google.com, time2.google.com, ntp.example]}\nhosts: [web]\n"),
      ElementsAre(HasSubstr("web: time1.google.com, time2.google.com smear leap seconds and "
                            "ntp.example does not")));
  EXPECT_THAT(Errors("time: {servers: [time1.google.com, time2.google.com, 169.254.169.123]}\n"
                     "hosts: [web]\n"),
              IsEmpty());
  EXPECT_THAT(Errors("time: {servers: [time.notgoogle.com, a, b]}\nhosts: [web]\n"), IsEmpty());
}

TEST(TimeGraph, PeersAreForRelays) {
  EXPECT_THAT(Errors("hosts:\n  web: {time: {servers: [a], peers: [b]}}\n"),
              ElementsAre(HasSubstr("web: symmetric peers are for relays alone")));
  EXPECT_THAT(Errors("hosts:\n  r: {role: relay, time: {upstreams: [a], peers: [b]}}\n"),
              IsEmpty());
}

TEST(TimeGraph, TheOwnClockIsNoBetterThanTheUpstreams) {
  EXPECT_THAT(
      Errors("hosts:\n  r: {role: relay, time: {upstreams: [a], local_stratum: 2}}\n"),
      ElementsAre(HasSubstr("r: its own clock would be stratum 2, as good as its upstreams")));
  EXPECT_THAT(Errors("hosts:\n  r: {role: relay, time: {upstreams: [a], local_stratum: 5}}\n"),
              IsEmpty());
  EXPECT_THAT(Errors("hosts:\n  r: {role: relay, time: {local_stratum: 1}}\n"), IsEmpty())
      << "a site without upstreams";
}

}  // namespace
}  // namespace fleetsync::inventory
