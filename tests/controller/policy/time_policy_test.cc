#include "controller/policy/time_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetsync::policy {
namespace {

using inventory::Host;
using inventory::Inventory;
using inventory::Role;
using testing::ElementsAre;

Host Named(std::string name, Role role = Role::kClient, std::string address = {}) {
  Host host;
  host.name = std::move(name);
  host.role = role;
  host.connection.address = std::move(address);
  return host;
}

Host Relay(std::string name, std::string address = {}) {
  Host host = Named(std::move(name), Role::kRelay, std::move(address));
  host.time.upstreams = {{.address = "0.pool.ntp.org"}, {.address = "1.pool.ntp.org"}};
  return host;
}

template <class... Hosts>
Inventory Of(Hosts... hosts) {
  Inventory inventory;
  inventory.path = "/etc/fleetsync/fleet.yaml";
  (inventory.hosts.push_back(std::move(hosts)), ...);
  return inventory;
}

TimePolicy PolicyOf(const Inventory& inventory, size_t host = 0) {
  StatusOr<TimePolicy> policy = FromInventory(inventory, inventory.hosts[host]);
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? *policy : TimePolicy{};
}

std::string ErrorOf(const Inventory& inventory, size_t host = 0) {
  const StatusOr<TimePolicy> policy = FromInventory(inventory, inventory.hosts[host]);
  EXPECT_EQ(policy.status().code(), absl::StatusCode::kInvalidArgument);
  return Message(policy.status());
}

std::vector<std::string> SourcesOf(const TimePolicy& policy) {
  std::vector<std::string> names;
  for (const inventory::TimeSource& source : policy.sources) names.push_back(source.address);
  return names;
}

std::vector<std::string> AllowOf(const TimePolicy& policy) {
  std::vector<std::string> networks;
  for (const inventory::Network& network : policy.allow)
    networks.push_back(inventory::ToString(network));
  return networks;
}

TEST(TimePolicy, AClientAsksEveryRelayAndNeverTheUpstreams) {
  Host client = Named("web1");
  client.time.upstreams = {{.address = "0.pool.ntp.org"}};
  const TimePolicy policy =
      PolicyOf(Of(std::move(client), Relay("ntp1.example"), Relay("ntp2.example", "10.0.0.2")));
  EXPECT_THAT(SourcesOf(policy), ElementsAre("ntp1.example", "10.0.0.2"));
  EXPECT_TRUE(policy.sources[0].iburst);
  EXPECT_TRUE(policy.allow.empty());
}

TEST(TimePolicy, AClientsOwnServersReplaceTheRelays) {
  Host client = Named("web1");
  client.time.servers = {
      {.address = "10.9.9.9"}, {.address = "10.9.9.9"}, {.address = "fe80::1%eth0"}};
  EXPECT_THAT(SourcesOf(PolicyOf(Of(std::move(client), Relay("ntp1")))),
              ElementsAre("10.9.9.9", "fe80::1%eth0"));
}

TEST(TimePolicy, ARelayAsksItsUpstreamsAndServesItsNetworks) {
  Host relay = Relay("ntp1", "10.0.0.1");
  relay.time.allow = {"192.168.11.0/24", "fd00::/8", "10.1.2.3"};
  relay.time.local_stratum = 10;
  const TimePolicy policy = PolicyOf(Of(std::move(relay)));
  EXPECT_THAT(SourcesOf(policy), ElementsAre("0.pool.ntp.org", "1.pool.ntp.org"));
  EXPECT_THAT(AllowOf(policy), ElementsAre("192.168.11.0/24", "fd00::/8", "10.1.2.3"));
  EXPECT_EQ(policy.local_stratum, 10);
  EXPECT_EQ(policy.inventory, "fleet.yaml");
}

TEST(TimePolicy, AClientNeverServesItsOwnClock) {
  Host client = Named("web1");
  client.time.local_stratum = 10;
  client.time.allow = {"10.0.0.0/8"};
  const TimePolicy policy = PolicyOf(Of(std::move(client), Relay("ntp1")));
  EXPECT_FALSE(policy.local_stratum.has_value());
  EXPECT_TRUE(policy.allow.empty());
}

TEST(TimePolicy, ARelayWithoutNetworksServesThoseOfTheInventory) {
  const Inventory inventory =
      Of(Relay("ntp1", "10.0.0.1"), Named("web1", Role::kClient, "10.0.0.77"), Named("10.0.9.1"),
         Named("v6", Role::kClient, "2001:db8:1:2::9"));
  EXPECT_THAT(AllowOf(PolicyOf(inventory)),
              ElementsAre("10.0.0.0/24", "10.0.9.0/24", "2001:db8:1:2::/64"));
}

TEST(TimePolicy, AHostKnownByNameAloneMayHaveAnyPrivateAddress) {
  EXPECT_THAT(AllowOf(PolicyOf(Of(Relay("ntp1", "10.0.0.1"), Named("web1")))),
              ElementsAre("10.0.0.0/24", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
                          "fc00::/7", "fe80::/10"));
}

TEST(TimePolicy, AClientWithoutRelayIsAnError) {
  EXPECT_EQ(ErrorOf(Of(Named("web1"))),
            "web1: this client has no server to ask; give a host the role relay, or set "
            "time.servers");
}

TEST(TimePolicy, ARelayWithoutUpstreamIsAnErrorUnlessItMayServeItsOwnClock) {
  Inventory inventory = Of(Named("ntp1", Role::kRelay));
  EXPECT_EQ(ErrorOf(inventory),
            "ntp1: this relay has no upstream; set time.upstreams, or time.local_stratum for a "
            "site without any");
  inventory.hosts[0].time.local_stratum = 10;
  EXPECT_TRUE(PolicyOf(inventory).sources.empty());
}

TEST(TimePolicy, AServerThatIsNoNameIsRefused) {
  for (const std::string server : {"a b", "a\nallow all", "-oProxyCommand=x", "$(id)", "a;b", "",
                                   "ntp1 iburst", "'x'", "#x", ".x"}) {
    Host client = Named("web1");
    client.time.servers = {{.address = server}};
    EXPECT_THAT(ErrorOf(Of(std::move(client))),
                testing::HasSubstr("cannot be a time server's name"))
        << server;
  }
}

TEST(TimePolicy, AnExtraLineWithControlCharactersIsRefused) {
  for (const std::string& line :
       std::vector<std::string>{"a\nb", "a\rb", "a\x1b[2J", "a\x7f", std::string("a\0b", 3)}) {
    Host client = Named("web1");
    client.time.extra = {line};
    EXPECT_THAT(ErrorOf(Of(std::move(client), Relay("ntp1"))),
                testing::HasSubstr("control characters"));
  }
}

TEST(TimePolicy, AnUnknownDaemonOrNetworkOrStratumIsRefused) {
  Inventory inventory = Of(Relay("ntp1"));
  inventory::TimeSettings& time = inventory.hosts[0].time;
  time.daemon = "xntpd";
  EXPECT_EQ(ErrorOf(inventory),
            "ntp1: time.daemon is 'xntpd'; push knows auto, chrony, ntp, ntpsec, openntpd, "
            "timesyncd and agent");
  time.daemon = "auto";
  time.allow = {"10.0.0.0/40"};
  EXPECT_EQ(ErrorOf(inventory),
            "ntp1: time.allow holds '10.0.0.0/40', which is no network; write one like "
            "192.168.11.0/24 or fd00::/8");
  time.allow.clear();
  time.local_stratum = 16;
  EXPECT_EQ(ErrorOf(inventory), "ntp1: time.local_stratum is 16; strata go from 1 to 15");
}

TEST(TimePolicy, ALineBreakInTheInventorysNameStaysInsideTheComment) {
  Inventory inventory = Of(Relay("ntp1"));
  inventory.path = "/tmp/a\nserver evil\x1b";
  EXPECT_EQ(PolicyOf(inventory).inventory, "a?server evil\\x1b");
}

}  // namespace
}  // namespace fleetsync::policy
