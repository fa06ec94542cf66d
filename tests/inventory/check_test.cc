#include "inventory/check.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inventory/fleet_yaml.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> Warnings(std::string_view text) {
  const Loaded loaded = ParseFleetYaml(text, "f");
  EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty());
  return Texts(Check(loaded.inventory));
}

TEST(Check, AFleetAsRfc8633WantsItIsWell) {
  EXPECT_THAT(Warnings(R"(time: {allow: 10.0.0.0/8}
groups:
  relays: {role: relay, hosts: [r1, r2, r3], time: {upstreams: [a, b, c, d]}}
  web: {hosts: ["web[01-40]"]}
)"),
              IsEmpty());
}

TEST(Check, ClientsWithoutAnyServerAreOneWarning) {
  EXPECT_THAT(Warnings("hosts: [\"web[01-40]\"]\n"),
              ElementsAre("f:1:9: warning: no time servers for web[01-40]: no host is a relay; "
                          "give two or more hosts 'role: relay', or set 'servers' in 'time'"));
}

TEST(Check, OneRelayIsTooFewAndTwoCannotBeVotedOn) {
  EXPECT_THAT(Warnings("time: {upstreams: [a, b, c, d], allow: 10.0.0.0/8}\n"
                       "hosts: {r1: {role: relay}, web: }\n"),
              ElementsAre("f:2:9: warning: only one relay for web: when it is down or wrong, "
                          "nothing else has the time; give three or more hosts 'role: relay'"));
  EXPECT_THAT(Warnings("time: {upstreams: [a, b, c, d], two_sources: allow}\n"
                       "hosts: {r1: {role: relay}, r2: {role: relay}, web: }\n"),
              ElementsAre("f:2:9: warning: only 2 relays for web: when two disagree, nothing tells "
                          "which one is right; give three or more hosts 'role: relay'"));
}

TEST(Check, ServersNamedForClientsAreCountedToo) {
  EXPECT_THAT(Warnings("time: {servers: [a]}\nhosts: [\"web[1-3]\"]\n"),
              ElementsAre("f:1:8: warning: only one time server of web[1-3]: when it is down or "
                          "wrong, nothing else has the time; name three or more"));
}

TEST(Check, AServerOfTheInventoryThatIsNoRelayIsSuspect) {
  EXPECT_THAT(Warnings("hosts:\n  web: {time: {servers: [db, x, y]}}\n"
                       "  db: {time: {servers: [x, y, z]}}\n"),
              ElementsAre("f:2:16: warning: time server 'db' is a host of the inventory, but no "
                          "relay; give 'db' the role relay, or name another server"));
  EXPECT_THAT(Warnings("time: {upstreams: [a, b, c, d]}\nhosts:\n"
                       "  r: {role: relay, time: {servers: [db]}}\n"  // a relay has no use for them
                       "  db: {time: {servers: [x, y, z]}}\n"),
              Not(Contains(HasSubstr("but no relay"))));
}

TEST(Check, ClientsThatAskOthersThanTheRelaysAreSuspect) {
  EXPECT_THAT(Warnings("time: {upstreams: [a, b, c, d]}\nhosts:\n  r: {role: relay}\n"
                       "  web: {time: {servers: [r, x, y]}}\n"),
              ElementsAre("f:4:16: warning: time server 'x' of clients is past the relays; let "
                          "clients ask the relays alone: leave 'servers' out",
                          "f:4:16: warning: time server 'y' of clients is past the relays; let "
                          "clients ask the relays alone: leave 'servers' out"));
}

TEST(Check, RelaysNeedFourUpstreamsOrTheirOwnClock) {
  EXPECT_THAT(
      Warnings("hosts:\n  r1: {role: relay}\n  r2: {role: relay}\n"),
      ElementsAre("f:2:3: warning: relay r[1-2] has no upstreams; name four or more servers "
                  "as 'upstreams' in 'time'"));
  EXPECT_THAT(Warnings("hosts:\n  r1: {role: relay, time: {local_stratum: 10}}\n"), IsEmpty());
  EXPECT_THAT(Warnings("defaults: {role: relay}\ntime: {upstreams: [a, b], two_sources: allow}\n"
                       "hosts: [r1, r2]\n"),
              ElementsAre("f:2:8: warning: only 2 upstreams of relay r[1-2]: RFC 8633 asks for "
                          "four, so that one that is wrong is outvoted also when another is down; "
                          "name four or more"));
}

TEST(Check, UpstreamsAreDifferentServersWithNamesAndNotTheRelayItself) {
  EXPECT_THAT(
      Warnings("defaults: {role: relay}\n"
               "time: {upstreams: [a, a, 202.112.29.82, 198.18.0.1, c], allow: 10.0.0.0/8}\n"
               "hosts:\n  r1: {address: 198.18.0.1}\n  r2:\n"),
      ElementsAre("f:2:8: warning: upstream 'a' is there twice; one server has one vote; name "
                  "another",
                  "f:2:8: warning: upstream '202.112.29.82' is a public address, not a name; name "
                  "the server: addresses of public servers change",
                  "f:2:8: r1: relays take their time from one another: r1 from r1; name upstreams "
                  "outside, or time.peers"));
}

TEST(Check, OneHostUnderTwoNamesIsFound) {
  EXPECT_THAT(Warnings("time: {servers: [x, y, z]}\nhosts:\n  a: {address: b}\n  b: {port: 22}\n"
                       "  c: {address: b, port: 23}\n"),
              ElementsAre("f:4:3: warning: hosts 'a' and 'b' are both b port 22; a host under two "
                          "names is set twice at once; keep one"));
}

TEST(Check, NoHostsIsAWarning) {
  EXPECT_THAT(Warnings(""),
              ElementsAre("f: warning: no hosts; name them, one a line or under 'hosts'"));
}

}  // namespace
}  // namespace fleetsync::inventory
