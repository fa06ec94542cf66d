#include "controller/deploy/agent_config.h"

#include "gmock/gmock.h"

namespace fleetsync::deploy {
namespace {

using inventory::Host;
using inventory::Inventory;
using inventory::Role;
using testing::ElementsAre;
using testing::HasSubstr;

Host MakeHost(std::string name, Role role, std::string address = "") {
  Host host;
  host.name = std::move(name);
  host.role = role;
  host.connection.address = std::move(address);
  return host;
}

Inventory TwoRelaysAndAClient() {
  Inventory inventory;
  inventory.hosts.push_back(MakeHost("relay1", Role::kRelay, "198.18.0.1"));
  inventory.hosts.push_back(MakeHost("relay2.example", Role::kRelay));
  inventory.hosts.push_back(MakeHost("web01", Role::kClient, "198.18.0.7"));
  return inventory;
}

TEST(AgentConfig, AClientMeasuresEveryRelay) {
  const Inventory inventory = TwoRelaysAndAClient();
  const auto text = RenderAgentConfig(inventory, inventory.hosts[2],
                                      {.controller = "198.18.0.254:8123", .insecure = true});
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text,
            "# Written by `fleetsync agent install`, which replaces it.\n"
            "no-clock-control\n"
            "host web01\n"
            "server 198.18.0.1 iburst\n"
            "server relay2.example iburst\n"
            "controller 198.18.0.254:8123\n"
            "report-interval 10s\n"
            "insecure-controller\n");
}

TEST(AgentConfig, ServersOfTheHostsOwnComeBeforeTheRelays) {
  Inventory inventory = TwoRelaysAndAClient();
  inventory.hosts[2].time.servers = {{.address = "ntp.example"}};
  EXPECT_THAT(ServersOf(inventory, inventory.hosts[2]), ElementsAre("ntp.example"));
}

TEST(AgentConfig, ARelayMeasuresItsUpstreamsOrItselfWithoutAny) {
  Inventory inventory = TwoRelaysAndAClient();
  EXPECT_THAT(ServersOf(inventory, inventory.hosts[0]), ElementsAre("198.18.0.1"));
  inventory.hosts[0].time.upstreams = {{.address = "0.pool.ntp.org"},
                                       {.address = "1.pool.ntp.org"}};
  EXPECT_THAT(ServersOf(inventory, inventory.hosts[0]),
              ElementsAre("0.pool.ntp.org", "1.pool.ntp.org"));
}

TEST(AgentConfig, WithoutInsecureItNamesItsIdentity) {
  const Inventory inventory = TwoRelaysAndAClient();
  const auto text = RenderAgentConfig(inventory, inventory.hosts[2], {.controller = "ctl:8123"});
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(*text, testing::Not(HasSubstr("insecure")));
  EXPECT_THAT(*text, HasSubstr("tls-dir /var/lib/fleetsync-agent/tls\n"));
}

TEST(AgentConfig, WithoutAServerItSaysWhatTheInventoryNeeds) {
  Inventory inventory;
  inventory.hosts.push_back(MakeHost("web01", Role::kClient));
  const auto text = RenderAgentConfig(inventory, inventory.hosts[0], {.controller = "ctl:8123"});
  EXPECT_EQ(text.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(text.status()),
            "writing the agent's configuration: no server to measure; give the inventory a relay "
            "or this host time.servers");
}

TEST(AgentConfig, ANameWithANewLineCannotAddADirective) {
  Inventory inventory = TwoRelaysAndAClient();
  inventory.hosts[2].time.servers = {{.address = "a\nuser root"}};
  const auto text = RenderAgentConfig(inventory, inventory.hosts[2], {.controller = "ctl:8123"});
  EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument);
  inventory.hosts[2].time.servers = {{.address = "a"}};
  inventory.hosts[2].name = "web 01";
  EXPECT_EQ(
      RenderAgentConfig(inventory, inventory.hosts[2], {.controller = "ctl:8123"}).status().code(),
      absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace fleetsync::deploy
