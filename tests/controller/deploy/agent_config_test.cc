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

TEST(AgentConfig, AHostThatReportsThroughSshReportsToItself) {
  Inventory inventory = TwoRelaysAndAClient();
  inventory.hosts[2].reports_through_ssh = true;
  for (const char* controller : {"", "198.18.0.254:8123"}) {
    const auto text = RenderAgentConfig(inventory, inventory.hosts[2], {.controller = controller});
    ASSERT_TRUE(text.ok()) << text.status();
    EXPECT_THAT(*text, HasSubstr("\ncontroller 127.0.0.1:7312\n"));
  }
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

// ---- who keeps the clock

HostState WithChrony() {
  HostState state;
  state.facts.is_root = true;
  state.facts.init = facts::Init::kSystemd;
  state.facts.daemons.push_back({.daemon = facts::Daemon::kChrony,
                                 .binary = "/usr/sbin/chronyd",
                                 .version = "4.3",
                                 .service = "chrony",
                                 .config_path = "/etc/chrony/chrony.conf",
                                 .drift_path = {},
                                 .keys_path = {},
                                 .running = true,
                                 .pid = 7,
                                 .enabled = true});
  return state;
}

StatusOr<AgentWish> Wish(const Inventory& inventory, const HostState& state,
                         ClockMode mode = ClockMode::kAuto) {
  return WishFor(inventory, inventory.hosts[2], state, mode, {.controller = "ctl:8123"},
                 [](const inventory::SecretSource&) { return Secret("s3cret"); });
}

TEST(AgentWish, WatchesUnlessItIsToldToKeepTheClock) {
  Inventory inventory = TwoRelaysAndAClient();
  HostState state = WithChrony();
  EXPECT_FALSE(Wish(inventory, state)->keeps_clock);
  EXPECT_TRUE(Wish(inventory, state, ClockMode::kKeep)->keeps_clock);
  state.keeps_clock = true;
  EXPECT_TRUE(Wish(inventory, state)->keeps_clock) << "as it did";
  EXPECT_FALSE(Wish(inventory, state, ClockMode::kObserve)->keeps_clock);
  state.keeps_clock = false;
  inventory.hosts[2].time.daemon = "agent";
  EXPECT_TRUE(Wish(inventory, state)->keeps_clock) << "as the inventory says";
}

TEST(AgentWish, WhoeverElseKeepsTheClockGivesWay) {
  const auto wish = Wish(TwoRelaysAndAClient(), WithChrony(), ClockMode::kKeep);
  ASSERT_TRUE(wish.ok()) << wish.status();
  ASSERT_EQ(wish->rivals.size(), 1U);
  EXPECT_EQ(wish->rivals[0].service, "chrony");
  EXPECT_EQ(wish->rivals[0].run, plan::SetService::Run::kStopped);
  EXPECT_THAT(wish->config, testing::Not(HasSubstr("no-clock-control")));
  EXPECT_THAT(wish->config, HasSubstr("\ncontroller ctl:8123\nreport-interval 10s\n"
                                      "tls-dir /var/lib/fleetsync-agent/tls\n"));
}

TEST(AgentWish, KeysAreBesideTheConfiguration) {
  Inventory inventory = TwoRelaysAndAClient();
  inventory.hosts[2].time.keys.push_back({.id = 7, .secret = {}});
  inventory.hosts[2].time.servers = {{.address = "ntp.example", .key = 7}};
  const auto wish = Wish(inventory, WithChrony(), ClockMode::kKeep);
  ASSERT_TRUE(wish.ok()) << wish.status();
  EXPECT_THAT(wish->config, HasSubstr("server ntp.example iburst key 7\n"));
  EXPECT_THAT(wish->config, HasSubstr("keyfile /etc/fleetsync/agent.keys\n"));
  EXPECT_THAT(wish->keys.Reveal(), HasSubstr("7 SHA256 HEX:733363726574"));
  EXPECT_THAT(wish->config, testing::Not(HasSubstr("733363726574")));
}

TEST(AgentWish, ARelayServesTheFleetsNetworks) {
  Inventory inventory = TwoRelaysAndAClient();
  inventory.hosts[2].role = Role::kRelay;
  inventory.hosts[2].time.upstreams = {{.address = "a"}};
  inventory.hosts[2].time.local_stratum = 11;
  const auto wish = Wish(inventory, WithChrony(), ClockMode::kKeep);
  ASSERT_TRUE(wish.ok()) << wish.status();
  EXPECT_THAT(wish->config, HasSubstr("\nserver a iburst\nallow 198.18.0.0/24\n"));
  EXPECT_THAT(wish->config, HasSubstr("\nlocal stratum 11 orphan\n"));
}

TEST(AgentWish, WhereNobodyMaySetTheClockItIsNotKept) {
  HostState state = WithChrony();
  state.facts.can_set_clock = false;
  EXPECT_THAT(Message(Wish(TwoRelaysAndAClient(), state, ClockMode::kKeep).status()),
              HasSubstr("the clock cannot be set here"));
  EXPECT_TRUE(Wish(TwoRelaysAndAClient(), state).ok());
}

}  // namespace
}  // namespace fleetsync::deploy
