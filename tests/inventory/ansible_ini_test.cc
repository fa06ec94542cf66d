#include "inventory/ansible_ini.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fmt/format.h"

namespace fleetsync::inventory {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// What people have: from Ansible's own documentation, with fleetsync's keys beside it.
constexpr const char* kInventory = R"(# the fleet
mail.example.com ansible_port=5555

[web]
web[01:03].example.com   http_port=80 maxRequestsPerChild=808   # theirs
jumper ansible_host=192.0.2.50 ansible_user=ada

[db]
db-[a:b].example.com

[relays]
ntp1.example.com fleetsync_role=relay

[relays:vars]
fleetsync_time_upstreams=0.pool.ntp.org, "1.pool.ntp.org prefer"

[prod:children]
web
db

[prod:vars]
ansible_become=true
ansible_ssh_common_args='-o StrictHostKeyChecking=yes -J ops@bastion:22'
proxy=proxy.example.com

[all:vars]
ansible_user=deploy
ansible_ssh_private_key_file=~/.ssh/fleet
)";

Loaded Read(std::string_view text) { return ParseAnsibleIni(text, "hosts"); }

const Host& HostIn(const Loaded& loaded, std::string_view name) {
  const Host* host = loaded.inventory.FindHost(name);
  EXPECT_NE(host, nullptr) << name;
  static const Host kNone;
  return host == nullptr ? kNone : *host;
}

std::string ErrorOf(std::string_view text) {
  const Loaded loaded = Read(text);
  EXPECT_EQ(loaded.diagnostics.size(), 1u) << text;
  return loaded.diagnostics.empty() ? "" : ToString(loaded.diagnostics[0]);
}

TEST(AnsibleIni, ReadsWhatPeopleHave) {
  const Loaded loaded = Read(kInventory);
  EXPECT_TRUE(loaded.ok()) << (loaded.diagnostics.empty() ? "" : ToString(loaded.diagnostics[0]));
  EXPECT_EQ(loaded.inventory.hosts.size(), 8u);
  EXPECT_EQ(HostIn(loaded, "mail.example.com").connection.port, 5555);
  EXPECT_EQ(HostIn(loaded, "web02.example.com").connection.user, "deploy");
  EXPECT_EQ(HostIn(loaded, "web02.example.com").connection.become, Become::kSudo);
  EXPECT_EQ(HostIn(loaded, "web02.example.com").connection.proxy_jump, "ops@bastion:22");
  EXPECT_THAT(HostIn(loaded, "web02.example.com").connection.identities,
              ElementsAre("~/.ssh/fleet"));
  EXPECT_EQ(HostIn(loaded, "jumper").connection.address, "192.0.2.50");
  EXPECT_EQ(HostIn(loaded, "jumper").connection.user, "ada") << "the host over all";
  EXPECT_EQ(HostIn(loaded, "mail.example.com").connection.become, Become::kNone);
  EXPECT_THAT(loaded.inventory.FindGroup("prod")->hosts.size(), 6u);
  const Host& relay = HostIn(loaded, "ntp1.example.com");
  EXPECT_EQ(relay.role, Role::kRelay);
  ASSERT_EQ(relay.time.upstreams.size(), 2u);
  EXPECT_TRUE(relay.time.upstreams[1].prefer);
}

TEST(AnsibleIni, BecomeMethodHoldsInEitherOrder) {
  for (const char* text : {"h ansible_become=yes ansible_become_method=doas",
                           "h ansible_become_method=doas ansible_become=yes"})
    EXPECT_EQ(HostIn(Read(text), "h").connection.become, Become::kDoas) << text;
}

TEST(AnsibleIni, APortMayStandBehindTheName) {
  const Loaded loaded = Read("[web]\nbadwolf.example.com:5309\nw[1:2]:22\n2001:db8::1\n");
  EXPECT_TRUE(loaded.ok()) << ToString(loaded.diagnostics[0]);
  EXPECT_EQ(HostIn(loaded, "badwolf.example.com").connection.port, 5309);
  EXPECT_EQ(HostIn(loaded, "w2").connection.port, 22);
  EXPECT_EQ(HostIn(loaded, "2001:db8::1").connection.port, std::nullopt);
}

TEST(AnsibleIni, UngroupedIsTheHostsThatNoGroupHas) {
  const Loaded loaded = Read("a\n[web]\nb\n[ungrouped:vars]\nansible_port=7\n");
  EXPECT_EQ(HostIn(loaded, "a").connection.port, 7);
  EXPECT_EQ(HostIn(loaded, "b").connection.port, std::nullopt);
}

TEST(AnsibleIni, AChildThatHasNoSectionIsAnEmptyGroup) {
  const Loaded loaded = Read("[a:children]\nb\n[a]\nh\n");
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(loaded.inventory.FindGroup("a")->hosts, ElementsAre("h"));
}

TEST(AnsibleIni, APasswordInClearIsRefusedAndNotRepeated) {
  for (const char* name : {"ansible_password", "ansible_ssh_pass", "ansible_become_pass"}) {
    const std::string error = ErrorOf(fmt::format("h {}=s3cret", name));
    EXPECT_THAT(error, HasSubstr("is refused"));
    EXPECT_THAT(error, Not(HasSubstr("s3cret")));
  }
}

TEST(AnsibleIni, MistakesHaveTheirLine) {
  EXPECT_THAT(ErrorOf("[a:hosts]\nh\n"), HasSubstr("hosts:1:1: '[a:hosts]' is no section"));
  EXPECT_THAT(ErrorOf("[a:children]\nb ansible_ssh_pass=s3cret\n"),
              testing::AllOf(HasSubstr("the name of one group"), Not(HasSubstr("s3cret"))));
  EXPECT_THAT(ErrorOf("[a:vars]\nx\n"), HasSubstr("hosts:2:1: a line of variables without '='"));
  EXPECT_THAT(ErrorOf("h ansible_port=99999\n"),
              HasSubstr("hosts:1:1: port: '99999' is not a port"));
  EXPECT_THAT(ErrorOf("h fleetsync_time_toleranz=1ms\n"), HasSubstr("no key 'time.toleranz'"));
  EXPECT_THAT(ErrorOf("-oProxyCommand=x\n"), HasSubstr("hosts:1:1: "));
  EXPECT_THAT(ErrorOf("web[3:1]\n"), HasSubstr("hosts:1:1: "));
  EXPECT_THAT(ErrorOf("h ansible_private_key_file=a\xff"), HasSubstr("a byte that is not UTF-8"));
  EXPECT_THAT(ErrorOf("h ansible_host={{ip}}"), HasSubstr("'ansible_host' is a template"));
  EXPECT_THAT(ErrorOf("h[1:9] ansible_port=x"), HasSubstr("'x' is not a port"));
}

TEST(AnsibleIni, AGroupThatContainsItselfIsRefused) {
  EXPECT_FALSE(Read("[a:children]\nb\n[b:children]\na\n").ok());
}

TEST(AnsibleIni, IsToldFromServersTxt) {
  EXPECT_TRUE(IsAnsibleIni("# x\n\n[web]\nh\n"));
  EXPECT_TRUE(IsAnsibleIni("h ansible_port=22\n"));
  EXPECT_FALSE(IsAnsibleIni("ops h\n"));
  EXPECT_FALSE(IsAnsibleIni("[2001:db8::7]:2222\n"));
  EXPECT_FALSE(IsAnsibleIni("[2001:db8::7]\n"));
  EXPECT_FALSE(IsAnsibleIni(""));
}

}  // namespace
}  // namespace fleetsync::inventory
