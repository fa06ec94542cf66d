#include "inventory/fleet_yaml.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

constexpr std::string_view kFleet = R"(
defaults: {user: ops, identity: ~/.ssh/id_ed25519, become: sudo}
time:
  upstreams: [0.pool.ntp.org, 1.pool.ntp.org]
  tolerance: 10ms
groups:
  relays: {role: relay, hosts: [ntp1.example, ntp2.example]}
  web:    {hosts: ["web[01-40].example"], time: {tolerance: 5ms}, port: 22}
  prod:   {children: [relays, web], user: prod, time: {tolerance: 1ms}}
hosts:
  web07.example: {address: 198.18.0.7, port: 2222}
  lone.example:
)";

class Fleet : public ::testing::Test {
 protected:
  Fleet() : loaded_(ParseFleetYaml(kFleet, "fleet.yaml")) {}
  const Host& At(const std::string& name) {
    const Host* host = loaded_.inventory.FindHost(name);
    EXPECT_NE(host, nullptr) << name;
    return *host;
  }
  Loaded loaded_;
};

TEST_F(Fleet, OfTheReadmeIsWell) {
  EXPECT_THAT(Texts(loaded_.diagnostics), IsEmpty());
  EXPECT_EQ(loaded_.inventory.path, "fleet.yaml");
}

TEST_F(Fleet, HasItsHostsInTheOrderOfTheFile) {
  const std::vector<Host>& hosts = loaded_.inventory.hosts;
  ASSERT_EQ(hosts.size(), 43U);
  EXPECT_EQ(hosts[0].name, "ntp1.example");
  EXPECT_EQ(hosts[2].name, "web01.example");
  EXPECT_EQ(hosts[41].name, "web40.example");
  EXPECT_EQ(hosts[42].name, "lone.example");
}

TEST_F(Fleet, HasGroupsWithTheHostsOfTheirChildren) {
  EXPECT_EQ(loaded_.inventory.FindGroup("prod")->hosts.size(), 42U);
  EXPECT_THAT(loaded_.inventory.FindGroup("prod")->children, ElementsAre("relays", "web"));
  EXPECT_THAT(loaded_.inventory.FindGroup("relays")->hosts,
              ElementsAre("ntp1.example", "ntp2.example"));
  EXPECT_THAT(At("web07.example").groups, ElementsAre("web", "prod"));
  EXPECT_EQ(loaded_.inventory.Relays().size(), 2U);
}

TEST_F(Fleet, AHostIsAboveItsGroupAboveItsParentAboveTheDefaults) {
  const Host& web07 = At("web07.example");
  EXPECT_EQ(web07.connection.address, "198.18.0.7");
  EXPECT_EQ(web07.connection.port, 2222);    // host over group
  EXPECT_EQ(web07.time.tolerance, 5ms);      // group over parent over time
  EXPECT_EQ(web07.connection.user, "prod");  // parent over defaults
  EXPECT_EQ(web07.connection.become, Become::kSudo);
  EXPECT_EQ(web07.role, Role::kClient);
  EXPECT_EQ(At("web08.example").connection.port, 22);
  EXPECT_EQ(At("ntp1.example").time.tolerance, 1ms);
  EXPECT_EQ(At("lone.example").time.tolerance, 10ms);
  EXPECT_EQ(At("lone.example").connection.user, "ops");
}

TEST_F(Fleet, TellsWhereEachValueComesFrom) {
  const auto told = [&](const std::string& key) {
    const Variable& variable = At("web07.example").variables.at(key);
    return variable.text + " | " + variable.from + " | " + ToString(variable.origin);
  };
  EXPECT_EQ(told("port"), "2222 | host web07.example | fleet.yaml:11:40");
  EXPECT_EQ(told("time.tolerance"), "5ms | group web | fleet.yaml:8:50");
  EXPECT_EQ(told("user"), "prod | group prod | fleet.yaml:9:37");
  EXPECT_EQ(told("become"), "sudo | defaults | fleet.yaml:2:52");
  EXPECT_EQ(told("time.upstreams"), "[0.pool.ntp.org, 1.pool.ntp.org] | time | fleet.yaml:4:3");
}

TEST(FleetYaml, TakesEveryKey) {
  const Loaded loaded = ParseFleetYaml(R"(
hosts:
  r1:
    address: 198.18.0.1
    user: root
    port: 22
    identity: [~/a, /b]
    known_hosts: /etc/ssh/kh
    proxy_jump: ops@b1,b2:2222
    become: doas
    password_file: ~/p
    become_password_command: pass show "r1 root"
    role: relay
    time:
      daemon: chrony
      upstreams: [a, b]
      servers: c
      allow: [192.168.11.0/24, "fd00::/8", 10.0.0.7]
      local_stratum: 10
      tolerance: 250us
      max_step: 2h
      backward: forbid
      extra: |
        log measurements

        logdir /var/log/chrony
)",
                                       "f");
  ASSERT_THAT(Texts(loaded.diagnostics), IsEmpty());
  const Host& host = loaded.inventory.hosts.at(0);
  const Connection& connection = host.connection;
  EXPECT_EQ(connection.address, "198.18.0.1");
  EXPECT_EQ(connection.user, "root");
  EXPECT_EQ(connection.port, 22);
  EXPECT_THAT(connection.identities, ElementsAre("~/a", "/b"));
  EXPECT_THAT(connection.known_hosts, ElementsAre("/etc/ssh/kh"));
  EXPECT_EQ(connection.proxy_jump, "ops@b1,b2:2222");
  EXPECT_EQ(connection.become, Become::kDoas);
  ASSERT_TRUE(connection.password_source);
  EXPECT_EQ(connection.password_source->kind, SecretSource::Kind::kFile);
  EXPECT_EQ(connection.password_source->value, "~/p");
  EXPECT_EQ(ToString(connection.password_source->origin), "f:11:20");
  ASSERT_TRUE(connection.become_password_source);
  EXPECT_EQ(connection.become_password_source->kind, SecretSource::Kind::kCommand);
  EXPECT_EQ(connection.become_password_source->value, "pass show \"r1 root\"");
  EXPECT_EQ(host.variables.at("become_password_command").text, "(command)");
  EXPECT_EQ(host.role, Role::kRelay);
  EXPECT_EQ(host.time.daemon, "chrony");
  EXPECT_THAT(AddressesOf(host.time.upstreams), ElementsAre("a", "b"));
  EXPECT_THAT(AddressesOf(host.time.servers), ElementsAre("c"));
  EXPECT_THAT(host.time.allow, ElementsAre("192.168.11.0/24", "fd00::/8", "10.0.0.7"));
  EXPECT_EQ(host.time.local_stratum, 10);
  EXPECT_EQ(host.time.tolerance, 250us);
  EXPECT_EQ(host.time.max_step, Duration(2h));
  EXPECT_FALSE(host.time.allow_backward);
  EXPECT_THAT(host.time.extra, ElementsAre("log measurements", "", "logdir /var/log/chrony"));
}

TEST(FleetYaml, AnEmptyListTakesAwayWhatWouldBeInherited) {
  const Loaded loaded = ParseFleetYaml(
      "time: {servers: [a, b]}\ngroups:\n  g: {hosts: [x, y]}\nhosts:\n  x: {time: {servers: "
      "[]}}\n",
      "f");
  ASSERT_THAT(Texts(loaded.diagnostics), IsEmpty());
  EXPECT_THAT(AddressesOf(loaded.inventory.FindHost("x")->time.servers), IsEmpty());
  EXPECT_THAT(AddressesOf(loaded.inventory.FindHost("y")->time.servers), ElementsAre("a", "b"));
}

TEST(FleetYaml, OneFormOfAPasswordReplacesAnother) {
  const Loaded loaded = ParseFleetYaml(
      "defaults: {password_file: /p}\nhosts:\n  x: {password_env: FLEET_PASSWORD}\n", "f");
  ASSERT_THAT(Texts(loaded.diagnostics), IsEmpty());
  const Host& host = loaded.inventory.hosts.at(0);
  EXPECT_EQ(host.connection.password_source->kind, SecretSource::Kind::kEnvironment);
  EXPECT_EQ(host.variables.count("password_file"), 0U);
  EXPECT_EQ(host.variables.at("password_env").text, "FLEET_PASSWORD");
}

TEST(FleetYaml, HostsMayBeAListAndRangesMayBeKeys) {
  const Loaded list = ParseFleetYaml("hosts: [a, \"b[1-2]\", \"2001:db8::1\"]\n", "f");
  ASSERT_THAT(Texts(list.diagnostics), IsEmpty());
  EXPECT_EQ(list.inventory.hosts.size(), 4U);
  const Loaded ranges = ParseFleetYaml("hosts: {\"b[1-2]\": {port: 2222}}\n", "f");
  ASSERT_THAT(Texts(ranges.diagnostics), IsEmpty());
  EXPECT_EQ(ranges.inventory.FindHost("b2")->connection.port, 2222);
}

TEST(FleetYaml, OfTwoEqualGroupsTheLaterWinsAndOneWarningSaysSo) {
  const Loaded loaded = ParseFleetYaml(R"(groups:
  web: {hosts: ["w[1-3]"], user: a, port: 22}
  red: {hosts: ["w[2-4]"], user: b, port: 22}
hosts:
  w3: {user: c}
)",
                                       "f");
  EXPECT_THAT(Texts(loaded.diagnostics),
              ElementsAre("f:3:28: warning: group red and group web (line 2) both set 'user' for "
                          "w2; group red, the later one, wins; set it on the hosts, or make one "
                          "group a child of the other"));
  EXPECT_EQ(loaded.inventory.FindHost("w2")->connection.user, "b");
  EXPECT_EQ(loaded.inventory.FindHost("w3")->connection.user, "c");
}

TEST(FleetYaml, AGroupWithoutHostsIsAWarning) {
  const Loaded loaded = ParseFleetYaml("groups:\n  web: {user: ops}\n  db:\n", "f");
  EXPECT_THAT(
      Texts(loaded.diagnostics),
      ElementsAre(
          "f:2:3: warning: group 'web' has no hosts; give it hosts or children, or remove it",
          "f:3:3: warning: group 'db' has no hosts; give it hosts or children, or remove "
          "it"));
}

struct BadCase {
  std::string_view text, error;
};
class BadFleet : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadFleet, IsRefusedWithPlaceAndHint) {
  const Loaded loaded = ParseFleetYaml(GetParam().text, "f");
  EXPECT_THAT(Texts(loaded.diagnostics), ElementsAre(GetParam().error));
  EXPECT_FALSE(loaded.ok());
}

INSTANTIATE_TEST_SUITE_P(
    Structure, BadFleet,
    ::testing::Values(
        BadCase{"web01\n",
                "f:1:1: an inventory is a mapping of keys and values, this is text; "
                "write defaults, time, groups and hosts, each with ':'"},
        BadCase{"- web01\n",
                "f:1:1: an inventory is a mapping of keys and values, this is a list; "
                "write defaults, time, groups and hosts, each with ':'"},
        BadCase{"host: {}\n", "f:1:1: unknown key 'host' at the top; did you mean 'hosts'?"},
        BadCase{"user: ops\n", "f:1:1: unknown key 'user' at the top; it belongs in 'defaults'"},
        BadCase{"tolerance: 1s\n",
                "f:1:1: unknown key 'tolerance' at the top; it belongs in 'time'"},
        BadCase{"xyzzy: 1\n",
                "f:1:1: unknown key 'xyzzy' at the top; known are defaults, time, groups, hosts"},
        BadCase{"hosts: {a: }\nhosts: {b: }\n",
                "f:2:1: key 'hosts' of the inventory is there "
                "already, in line 1; keep one of the two"},
        BadCase{"defaults: ops\n",
                "f:1:11: 'defaults' is a mapping of keys and values, this is text; write it as "
                "{KEY: VALUE}, or one KEY: VALUE a line"},
        BadCase{"hosts: web01\n",
                "f:1:8: 'hosts' is a mapping of keys and values, this is text; "
                "write hosts: {web01: {port: 2222}}"},
        BadCase{"hosts: [{a: 1}]\n",
                "f:1:9: an item of 'hosts' is a name, this is a mapping; write "
                "hosts as {NAME: {KEY: VALUE}} to set something"},
        BadCase{"hosts: {web01: hunter2}\n",
                "f:1:16: host 'web01' is a mapping of keys and values, this is text; write {port: "
                "2222}, or nothing after the ':'"},
        BadCase{"groups: [web]\n",
                "f:1:9: 'groups' is a mapping of keys and values, this is a list; write groups: "
                "{web: {hosts: [web01, web02]}}"},
        BadCase{
            "groups: {web: [web01]}\n",
            "f:1:15: group 'web' is a mapping of keys and values, this is a list; write {hosts: "
            "[web01, web02]}"},
        BadCase{"groups: {web: {hosts: {a: }}}\n",
                "f:1:23: 'hosts' is a list of names, this is a mapping; write [A, B]"},
        BadCase{"groups: {web: {hosts: [[a]]}}\n",
                "f:1:24: an item of 'hosts' is a name, this is a list; write [A, B]"},
        BadCase{"groups: {a: {children: [b]}, b: {children: [a]}}\n",
                "f:1:45: group 'a' contains itself: a > b > a; remove one of these children"},
        BadCase{"groups: {web: {hosts: a}, prod: {children: [wbe]}}\n",
                "f:1:45: group 'prod' has the unknown child 'wbe'; did you mean 'web'?"},
        BadCase{"time: {tolerance: 1s}\ndefaults: {time: {tolerance: 2s}}\n",
                "f:2:19: 'time.tolerance' is set already, in line 1; keep one of the two: 'time' "
                "is the same as 'time' in 'defaults'"}));

INSTANTIATE_TEST_SUITE_P(
    Names, BadFleet,
    ::testing::Values(
        BadCase{"hosts: {\"\": }\n", "f:1:9: a host without a name; write a name"},
        BadCase{"hosts: {-web: }\n",
                "f:1:9: host name '-web' begins with '-'; begin it with a letter or a digit"},
        BadCase{"hosts: {\"a\\nb\": }\n",
                "f:1:9: host name 'a\\nb' holds '\\n'; use letters, digits, '.', '-' and '_' only"},
        BadCase{"hosts: {all: }\n",
                "f:1:9: a host cannot be called 'all', which stands for every "
                "host; choose another name"},
        BadCase{"hosts: [\"web[1-\"]\n",
                "f:1:9: range 'web[1-': its brackets do not match; write "
                "NAME[01-40]; write ranges as NAME[01-40]"},
        BadCase{
            "hosts: [\"web[3-1]\"]\n",
            "f:1:9: range 'web[3-1]': '3-1' ends before it starts; write ranges as NAME[01-40]"},
        BadCase{"groups: {web: {hosts: [\"a b\"]}}\n",
                "f:1:24: host name 'a b' holds ' '; use letters, digits, '.', '-' and '_' only"},
        BadCase{"groups: {\"@web\": {hosts: [a]}}\n",
                "f:1:10: group name '@web' holds '@'; use letters, digits, '.', '-' and '_' only"},
        BadCase{"hosts:\n  \"w[1-3]\": {port: 1}\n  w2: {port: 2}\n",
                "f:3:3: host 'w2' has an entry already, in line 2; keep one of the two; what "
                "several hosts share goes into a group"}));

INSTANTIATE_TEST_SUITE_P(
    Keys, BadFleet,
    ::testing::Values(
        BadCase{"defaults: {usr: ops}\n",
                "f:1:12: unknown key 'usr' in 'defaults'; did you mean 'user'?"},
        BadCase{"hosts: {a: {upstreams: [b]}}\n",
                "f:1:13: unknown key 'upstreams' in host 'a'; it belongs in 'time'"},
        BadCase{"time: {minpol: 4}\n",
                "f:1:8: unknown key 'minpol' in 'time'; known are daemon, packages, rivals, drift, "
                "upstreams, servers, peers, two_sources, family, dhcp_servers, keys, allow, "
                "local_stratum, "
                "ratelimit, firewall, step, panic, max_distance, min_sources, leap, drift_file, "
                "rtc, hwtimestamp, job, every, timezone, log_folder, log, tolerance, max_step, "
                "backward, extra, extra_chrony, extra_ntp, extra_openntpd, extra_timesyncd"},
        BadCase{"groups: {g: {hosts: a, chidlren: [b]}}\n",
                "f:1:24: unknown key 'chidlren' in group 'g'; did you mean 'children'?"},
        BadCase{"hosts: {a: {user: x, user: y}}\n",
                "f:1:22: key 'user' of host 'a' is there already, in line 1; keep one of the two"},
        BadCase{"defaults: {address: a}\n",
                "f:1:12: 'address' cannot be set in 'defaults'; it "
                "belongs to one host; write it under 'hosts'"},
        BadCase{"hosts: {a: {time.tolerance: 1s}}\n",
                "f:1:13: unknown key 'time.tolerance' in host 'a'; known are time, address, user, "
                "port, identity, known_hosts, proxy_jump, become, password_file, password_env, "
                "password_command, become_password_file, become_password_env, "
                "become_password_command, role, report_through"},
        BadCase{
            "hosts: {a: {password: hunter2}}\n",
            "f:1:13: a 'password' in clear is refused; put it into a file of mode 600 and write "
            "password_file: PATH, or use password_env or password_command"},
        BadCase{"defaults: {become_password: hunter2}\n",
                "f:1:12: a 'become_password' in clear is refused; put it into a file of mode 600 "
                "and write become_password_file: PATH, or use become_password_env or "
                "become_password_command"},
        BadCase{
            "hosts: {a: {password_env: X, password_file: y}}\n",
            "f:1:30: 'password_file' and 'password_env' both say where one password comes from; "
            "keep one of the two"}));

INSTANTIATE_TEST_SUITE_P(
    Values, BadFleet,
    ::testing::Values(
        BadCase{"defaults: {user: }\n",
                "f:1:12: 'user' has no value; write one, or remove the line"},
        BadCase{"time: {servers: }\n",
                "f:1:8: 'time.servers' has no value; write one, or [] for "
                "none"},
        BadCase{"defaults: {user: [a]}\n",
                "f:1:18: 'user' is one value, this is a list; write it without brackets"},
        BadCase{"time: {allow: {a: b}}\n",
                "f:1:15: 'time.allow' is a list, this is a mapping; write [A, B]"},
        BadCase{"time: {servers: {a: b}}\n",
                "f:1:17: an item of 'time.servers' has no 'address'; write {address: …}"},
        BadCase{"time: {servers: [[a]]}\n",
                "f:1:18: an item of 'time.servers' is text, this is a list; write [A, B]"},
        BadCase{"defaults: {user: -x}\n",
                "f:1:18: user '-x' begins with '-'; begin it with a letter"},
        BadCase{"defaults: {port: ssh}\n", "f:1:18: 'ssh' is not a port; write 1 to 65535"},
        BadCase{"defaults: {port: 70000}\n", "f:1:18: '70000' is not a port; write 1 to 65535"},
        BadCase{"defaults: {become: yes}\n",
                "f:1:20: 'yes' is not a way to become root; write sudo, doas or none"},
        BadCase{"defaults: {role: server}\n",
                "f:1:18: 'server' is not a role; write relay or client"},
        BadCase{"defaults: {identity: \"\"}\n",
                "f:1:22: an empty path; write it, or remove the key"},
        BadCase{"defaults: {identity: ~bob/key}\n",
                "f:1:22: path '~bob/key': only '~/' is understood; write the whole path"},
        BadCase{
            "defaults: {known_hosts: \"a\\nb\"}\n",
            "f:1:25: a path with a control character or line break in it; write it on one line"},
        BadCase{"defaults: {proxy_jump: \"-oProxyCommand=x\"}\n",
                "f:1:24: host name '-oProxyCommand=x' begins with '-'; begin it with a letter or a "
                "digit"},
        BadCase{"defaults: {password_env: hunter-2}\n",
                "f:1:26: this is not the name of an environment variable; write its name, such as "
                "FLEET_PASSWORD, not its value"},
        BadCase{"time: {daemon: chronyd}\n",
                "f:1:16: 'chronyd' is not a time daemon that fleetsync configures; write auto, "
                "chrony, ntp, ntpsec, openntpd, timesyncd, agent or none"},
        BadCase{
            "time: {upstreams: [a, \"b c\"]}\n",
            "f:1:23: a time source has no option 'c'; known are iburst, prefer, trust, noselect, "
            "xleave, nts, minpoll, maxpoll, key, maxdelay, offset, filter"},
        BadCase{"time: {allow: [web]}\n",
                "f:1:16: 'web' is not a network; write ADDRESS/PREFIX, such as 192.168.11.0/24, or "
                "one address"},
        BadCase{"time: {allow: 192.168.44.130/24}\n",  // the tutorials': opens the whole network
                "f:1:15: '192.168.44.130/24' has bits to the right of its prefix; write "
                "192.168.44.0/24 for the network or 192.168.44.130 for the host"},
        BadCase{"time: {local_stratum: 0}\n",
                "f:1:23: '0' is not a stratum that a relay can claim; write 1 to 15; 10 keeps it "
                "below every real server"},
        BadCase{"time: {local_stratum: 16}\n",
                "f:1:23: '16' is not a stratum that a relay can claim; write 1 to 15; 10 keeps it "
                "below every real server"},
        BadCase{"time: {tolerance: 10}\n",
                "f:1:19: '10' is not a duration; write a number above "
                "zero and its unit, such as 10ms or 5s"},
        BadCase{"time: {max_step: 0}\n",
                "f:1:18: '0' is not above zero; write a number above zero "
                "and its unit, such as 10ms or 5s"},
        BadCase{"time: {backward: never}\n",
                "f:1:18: 'never' is not an answer; write allow or forbid"},
        BadCase{"time: {extra: \"a\\u0007b\"}\n",
                "f:1:15: a line with a control character or line break in it; write it on one "
                "line"}));

TEST(BadFleet, OfMoreNamesThanAFleetCanHaveIsRefused) {
  const Loaded loaded = ParseFleetYaml("hosts: [\"a[1-60000]\", \"b[1-60000]\"]\n", "f");
  EXPECT_THAT(Texts(loaded.diagnostics),
              ElementsAre("f:1:23: more than 100000 names in this file; use several files"));
}

TEST(BadFleet, AllMistakesAreReportedAtOnceInTheirOrder) {
  const Loaded loaded = ParseFleetYaml(R"(hosts:
  web01: {prot: 22, port: x}
groups:
  web: {hosts: ["a b"], user: -}
defaults: {becom: sudo}
)",
                                       "f");
  EXPECT_THAT(
      Texts(loaded.diagnostics),
      ElementsAre("f:2:11: unknown key 'prot' in host 'web01'; did you mean 'port'?",
                  "f:2:27: 'x' is not a port; write 1 to 65535",
                  "f:4:17: host name 'a b' holds ' '; use letters, digits, '.', '-' and '_' only",
                  "f:4:31: user '-' begins with '-'; begin it with a letter",
                  "f:5:12: unknown key 'becom' in 'defaults'; did you mean 'become'?"));
}

}  // namespace
}  // namespace fleetsync::inventory
