#include "controller/sync/servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetsync::sync {
namespace {

using inventory::Host;
using inventory::Inventory;
using inventory::Role;
using testing::ElementsAre;
using testing::IsEmpty;

Host& Add(Inventory& inventory, std::string name, std::string address, Role role) {
  Host& host = inventory.hosts.emplace_back();
  host.name = std::move(name);
  host.connection.address = std::move(address);
  host.role = role;
  return host;
}

struct Fleet {
  Fleet() {
    Add(inventory, "relay1", "198.18.1.1", Role::kRelay).time.upstreams = {
        {.address = "0.pool.ntp.org"}};
    Add(inventory, "relay2", "", Role::kRelay);
    Add(inventory, "web1", "198.18.1.3", Role::kClient);
    Add(inventory, "db1", "198.18.1.4", Role::kClient).time.servers = {{.address = "relay1"},
                                                                       {.address = "ntp.example"}};
  }
  std::vector<Assignment> Assign(const std::vector<std::string>& names,
                                 const std::vector<std::string>& relays = {}) {
    std::vector<const Host*> hosts;
    for (const std::string& name : names) {
      for (const Host& host : inventory.hosts) {
        if (host.name == name) hosts.push_back(&host);
      }
    }
    return AssignServers(inventory, hosts, relays);
  }
  Inventory inventory;
};

std::vector<std::string> Addresses(const std::vector<Server>& servers) {
  std::vector<std::string> addresses;
  for (const Server& server : servers) addresses.push_back(server.address);
  return addresses;
}

TEST(AssignServers, ClientsAreSetFromTheRelays) {
  Fleet fleet;
  EXPECT_THAT(Addresses(fleet.Assign({"web1"})[0].servers), ElementsAre("198.18.1.1", "relay2"));
}

TEST(AssignServers, AHostsOwnServersComeFirst) {
  Fleet fleet;
  EXPECT_THAT(Addresses(fleet.Assign({"db1"})[0].servers),
              ElementsAre("198.18.1.1", "ntp.example"));
}

TEST(AssignServers, RelaysThatOthersAreSetFromAreTheReference) {
  Fleet fleet;
  const auto assignments = fleet.Assign({"relay1", "web1"});
  EXPECT_TRUE(assignments[0].is_reference);
  EXPECT_FALSE(assignments[1].is_reference);
}

TEST(AssignServers, ARelayAloneIsSetFromItsUpstreams) {
  Fleet fleet;
  const auto assignments = fleet.Assign({"relay1"});
  EXPECT_FALSE(assignments[0].is_reference);
  EXPECT_THAT(Addresses(assignments[0].servers), ElementsAre("0.pool.ntp.org"));
}

TEST(AssignServers, TheRelayOptionIsForAllHosts) {
  Fleet fleet;
  const auto assignments = fleet.Assign({"relay1", "relay2", "db1"}, {"relay2"});
  EXPECT_THAT(Addresses(assignments[0].servers), ElementsAre("relay2"));
  EXPECT_FALSE(assignments[0].is_reference);
  EXPECT_TRUE(assignments[1].is_reference);
  EXPECT_THAT(Addresses(assignments[2].servers), ElementsAre("relay2"));
}

TEST(AssignServers, TheRelayOptionTakesAnAddressToo) {
  Fleet fleet;
  EXPECT_TRUE(fleet.Assign({"relay1"}, {"198.18.1.1"})[0].is_reference);
  EXPECT_THAT(Addresses(fleet.Assign({"web1"}, {"192.0.2.9"})[0].servers),
              ElementsAre("192.0.2.9"));
}

TEST(DistinctServers, NamesEachOnceAndNotThoseOfReferences) {
  Fleet fleet;
  EXPECT_THAT(Addresses(DistinctServers(fleet.Assign({"relay1", "web1", "db1"}))),
              ElementsAre("198.18.1.1", "relay2", "ntp.example"));
  EXPECT_THAT(DistinctServers({}), IsEmpty());
}

TEST(ParseSerial, TakesNumbersAndPercentages) {
  EXPECT_EQ(*ParseSerial("", 40), 40u);
  EXPECT_EQ(*ParseSerial("7", 40), 7u);
  EXPECT_EQ(*ParseSerial("25%", 40), 10u);
  EXPECT_EQ(*ParseSerial("1%", 40), 1u);
}

TEST(ParseSerial, SaysWhatToWrite) {
  for (const char* text : {"0", "-1", "101%", "x", "5x", "%"}) {
    EXPECT_EQ(ParseSerial(text, 40).status(),
              absl::InvalidArgumentError(std::string("--serial ") + text +
                                         ": give a number of hosts or a percentage, such as 10 or "
                                         "25%"));
  }
}

}  // namespace
}  // namespace fleetsync::sync
