#include "controller/push/rollout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetsync::push {
namespace {

inventory::Inventory Of(std::vector<std::pair<std::string, inventory::Role>> hosts) {
  inventory::Inventory inventory;
  inventory.path = "fleet.yaml";
  for (auto& [name, role] : hosts) {
    inventory::Host& host = inventory.hosts.emplace_back();
    host.name = name;
    host.role = role;
  }
  return inventory;
}

std::vector<const inventory::Host*> All(const inventory::Inventory& inventory) {
  std::vector<const inventory::Host*> hosts;
  for (const inventory::Host& host : inventory.hosts) hosts.push_back(&host);
  return hosts;
}

std::vector<HostTask> TasksFor(const std::vector<policy::TimePolicy>& policies) {
  std::vector<HostTask> tasks;
  for (const policy::TimePolicy& policy : policies) tasks.push_back(BringTo(policy));
  return tasks;
}

TEST(PoliciesFor, NamesEveryHostThatHasNone) {
  const inventory::Inventory inventory =
      Of({{"web1", inventory::Role::kClient}, {"web2", inventory::Role::kClient}});
  const auto policies = PoliciesFor(inventory, All(inventory));
  EXPECT_EQ(policies.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(policies.status()),
            "web1: this client has no server to ask; give a host the role relay, or set "
            "time.servers\n"
            "web2: this client has no server to ask; give a host the role relay, or set "
            "time.servers");
}

TEST(PoliciesFor, AreInTheOrderOfTheHosts) {
  inventory::Inventory inventory =
      Of({{"web1", inventory::Role::kClient}, {"ntp1", inventory::Role::kRelay}});
  inventory.hosts[1].time.upstreams = {{.address = "0.pool.ntp.org"}};
  const auto policies = PoliciesFor(inventory, All(inventory));
  ASSERT_TRUE(policies.ok()) << policies.status();
  EXPECT_EQ((*policies)[0].host, "web1");
  EXPECT_EQ((*policies)[0].sources[0].address, "ntp1");
  EXPECT_EQ((*policies)[1].host, "ntp1");
}

// Nothing listens on these ports: the connections are refused.
TEST(Rollout, WhenAllRelaysFailTheirClientsAreLeftAlone) {
  inventory::Inventory inventory =
      Of({{"web1", inventory::Role::kClient}, {"ntp1", inventory::Role::kRelay}});
  for (inventory::Host& host : inventory.hosts) {
    host.time.upstreams = {{.address = "0.pool.ntp.org"}};
    host.connection.address = "127.0.0.1";
    host.connection.port = 1;
  }
  const auto hosts = All(inventory);
  const auto policies = PoliciesFor(inventory, hosts);
  ASSERT_TRUE(policies.ok());
  RolloutOptions options;
  options.fleet.use_ssh_config = false;
  options.fleet.connect_retries = 0;
  const std::atomic<bool> stop{false};
  std::vector<std::string> done;
  const RolloutWatch watch{
      .on_stage = {}, .on_done = [&](const auto& host, const auto&) { done.push_back(host.name); }};
  const auto results = Rollout(hosts, TasksFor(*policies), options, watch, stop);
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ((*results)[0].result.outcome, Outcome::kSkipped);
  EXPECT_EQ((*results)[0].result.why, "no relay could be set up");
  EXPECT_EQ((*results)[1].result.outcome, Outcome::kFailed);
  EXPECT_EQ((*results)[1].result.stage, "connect");
  EXPECT_THAT(done, testing::ElementsAre("ntp1"));
}

// Nothing listens on port 1 of loopback: every host of these fails at once, in its turn.
struct Refused {
  explicit Refused(int clients, int relays = 0) {
    std::vector<std::pair<std::string, inventory::Role>> names;
    for (int i = 0; i < clients; ++i)
      names.emplace_back("web" + std::to_string(i), inventory::Role::kClient);
    for (int i = 0; i < relays; ++i)
      names.emplace_back("ntp" + std::to_string(i), inventory::Role::kRelay);
    inventory = Of(names);
    for (inventory::Host& host : inventory.hosts) {
      host.time.upstreams = host.time.servers = {{.address = "10.0.0.1"}};
      host.connection.address = "127.0.0.1";
      host.connection.port = 1;
    }
    options.fleet.use_ssh_config = false;
    options.fleet.connect_retries = 0;
  }

  std::string Run() {
    const auto hosts = All(inventory);
    const std::atomic<bool> stop{false};
    const auto results =
        Rollout(hosts, TasksFor(*PoliciesFor(inventory, hosts)), options, {}, stop);
    EXPECT_TRUE(results.ok()) << results.status();
    std::string outcomes;
    for (const HostResult& host : *results) {
      outcomes += host.result.outcome == Outcome::kFailed ? 'F' : '.';
      if (host.result.outcome == Outcome::kSkipped) why = host.result.why;
    }
    return outcomes;
  }

  inventory::Inventory inventory;
  RolloutOptions options;
  std::string why;
};

TEST(Rollout, ACanaryThatFailsIsTheLast) {
  Refused fleet(5);
  fleet.options.canary = 2;
  EXPECT_EQ(fleet.Run(), "FF...");
  EXPECT_EQ(fleet.why, "2 of 2 canaries failed");
}

TEST(Rollout, NoBatchBeginsAfterMoreFailuresThanAreAllowed) {
  Refused fleet(7);
  fleet.options.serial = 2;
  fleet.options.max_fail = 3;
  EXPECT_EQ(fleet.Run(), "FFFF...");
  EXPECT_EQ(fleet.why, "4 hosts failed, and --max-fail allows 3");
  fleet.options.max_fail = 0;
  EXPECT_EQ(fleet.Run(), "FF.....");
  fleet.options.max_fail.reset();
  EXPECT_EQ(fleet.Run(), "FFFFFFF");
}

TEST(Rollout, RelaysGoOneByOneAndTheirFailuresCount) {
  Refused fleet(1, 3);
  fleet.options.max_fail = 0;
  EXPECT_EQ(fleet.Run(), ".F..");
}

TEST(Rollout, StoppedBeforeItBeganNothingIsContacted) {
  inventory::Inventory inventory = Of({{"web1", inventory::Role::kClient}});
  inventory.hosts[0].time.servers = {{.address = "10.0.0.1"}};
  const auto hosts = All(inventory);
  const std::atomic<bool> stop{true};
  const auto results = Rollout(hosts, TasksFor(*PoliciesFor(inventory, hosts)), {}, {}, stop);
  ASSERT_TRUE(results.ok());
  EXPECT_EQ((*results)[0].result.outcome, Outcome::kSkipped);
  EXPECT_EQ((*results)[0].result.why, "stopped before its turn");
}

}  // namespace
}  // namespace fleetsync::push
