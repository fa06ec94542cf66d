#include "inventory/to_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inventory/ansible_ini.h"
#include "inventory/ansible_yaml.h"
#include "inventory/fleet_yaml.h"
#include "inventory/servers_txt.h"
#include "inventory/ssh_config_hosts.h"
#include "inventory/variables.h"

namespace fleetsync::inventory {
namespace {

using testing::HasSubstr;
using testing::Not;

// Every value of every host, by name: what a conversion must keep.
std::map<std::string, std::map<std::string, std::string>> ValuesOf(const Inventory& inventory) {
  std::map<std::string, std::map<std::string, std::string>> values;
  for (const Host& host : inventory.hosts)
    for (const auto& [key, variable] : AllVariables(host)) values[host.name][key] = variable.text;
  return values;
}

void ExpectReadsBack(const Inventory& inventory) {
  const std::string text = ToFleetYaml(inventory);
  const Loaded again = ParseFleetYaml(text, "f");
  EXPECT_TRUE(again.ok()) << text << (again.ok() ? "" : ToString(again.diagnostics[0]));
  const auto before = ValuesOf(inventory);
  auto after = ValuesOf(again.inventory);
  EXPECT_EQ(after.size(), before.size()) << text;
  for (const auto& [host, values] : before)
    for (const auto& [key, value] : values)
      EXPECT_EQ(after[host][key], value) << host << " " << key << "\n" << text;
  for (const Group& group : inventory.groups) {
    const Group* found = again.inventory.FindGroup(group.name);
    ASSERT_NE(found, nullptr) << text;
    EXPECT_THAT(found->hosts, testing::UnorderedElementsAreArray(group.hosts)) << text;
  }
}

TEST(ToFleetYaml, FleetYamlReadsBackToTheSameValues) {
  const Loaded loaded = ParseFleetYaml(R"(
defaults: {user: ops, identity: [~/.ssh/a, keys/b], become: sudo}
time:
  upstreams: [0.pool.ntp.org, "1.pool.ntp.org prefer minpoll 4", pool 2.pool.ntp.org]
  tolerance: 5ms
  step: {threshold: 100ms, limit: -1}
groups:
  relays: {role: relay, hosts: ["ntp[1-3].example"], time: {keys: [{id: 7, file: k}], local_stratum: 10}}
  web: {hosts: ["web[01-40].example"], time: {extra: "# it's \"quoted\" \\ here\nlog tracking"}}
  prod: {children: [relays, web], port: 2222, password_command: "pass show fleet | head -n1"}
hosts:
  web07.example: {address: 198.18.0.7, time: {servers: []}}
  lonely: {become: none}
)",
                                       "f");
  ASSERT_TRUE(loaded.ok()) << ToString(loaded.diagnostics[0]);
  ExpectReadsBack(loaded.inventory);
}

TEST(ToFleetYaml, AnAnsibleInventoryReadsBack) {
  const Loaded loaded = ParseAnsibleIni(
      "[web]\nweb[01:12]\nspecial ansible_port=2022\n[db]\ndb[a:c]\n[prod:children]\nweb\ndb\n"
      "[prod:vars]\nansible_become=true\n[all:vars]\nansible_user=deploy\n",
      "hosts");
  ASSERT_TRUE(loaded.ok());
  ExpectReadsBack(loaded.inventory);
  EXPECT_THAT(ToFleetYaml(loaded.inventory), HasSubstr("\"web[01-12]\""));
}

TEST(ToFleetYaml, AnAnsibleInventoryReadsBackWhereItsOrderOfGroupsIsAnother) {
  const auto group = AnsibleVarsFile::Of::kGroup, host = AnsibleVarsFile::Of::kHost;
  const Loaded loaded =
      ParseAnsibleYaml(R"(
all:
  vars: {ansible_user: all_inv, ansible_port: 1, ansible_host: 192.0.2.1}
  hosts: {lonely: , "v6[1:3]:2222": }
  children:
    deep: {children: {deeper: {hosts: {a: , b: }, vars: {ansible_port: 2}}}}
    flat: {hosts: {a: , c: , d: {ansible_port: 3}, e: }, vars: {ansible_port: 4, fleetsync_role: relay}}
    aaa: {hosts: {c: , d: }, vars: {ansible_port: 5, ansible_group_priority: 2}}
    ungrouped: {vars: {ansible_become: true}}
    empty:
)",
                       "hosts.yml",
                       {{group, "all", "g/all", "ansible_user: all_file"},
                        {group, "deep", "g/deep", "ansible_port: 6"},
                        {group, "flat", "g/flat", "fleetsync_time_tolerance: 1ms"},
                        {host, "c", "h/c", "ansible_user: c"}});
  ASSERT_TRUE(loaded.ok()) << ToString(loaded.diagnostics[0]);
  EXPECT_EQ(loaded.inventory.FindHost("a")->connection.port, 6);
  EXPECT_EQ(loaded.inventory.FindHost("c")->connection.port, 5);
  EXPECT_EQ(loaded.inventory.FindHost("e")->connection.port, 4);
  EXPECT_EQ(loaded.inventory.FindHost("lonely")->connection.become, Become::kSudo);
  ExpectReadsBack(loaded.inventory);
}

TEST(ToFleetYaml, AnSshConfigReadsBack) {
  const Loaded loaded =
      ParseSshConfigHosts("Host web01 web02 *.x\n  Port 2222\nHost db\n", "config",
                          [](std::string_view) -> std::vector<SshConfigFile> { return {}; });
  ASSERT_TRUE(loaded.ok());
  ExpectReadsBack(loaded.inventory);
  EXPECT_THAT(ToFleetYaml(loaded.inventory), HasSubstr("\"web[01-02]\": {}"));
}

TEST(ToFleetYaml, ServersTxtReadsBackAndItsPasswordsAreNotInIt) {
  const Loaded plain = ParseServersTxt("web01\nops web02:2222\nroot@db[1-5]\n", "s").loaded;
  ASSERT_TRUE(plain.ok());
  ExpectReadsBack(plain.inventory);
  const Loaded secret = ParseServersTxt("ops s3cret-Pa55 web03\n", "s").loaded;
  const std::string text = ToFleetYaml(secret.inventory);
  EXPECT_THAT(text, Not(HasSubstr("s3cret")));
  EXPECT_THAT(text, HasSubstr("password_file: \"passwords/web03\""));
  EXPECT_THAT(text, HasSubstr("# Passwords are not copied"));
  EXPECT_TRUE(ParseFleetYaml(text, "f").ok());
}

}  // namespace
}  // namespace fleetsync::inventory
