#include "inventory/ansible_yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fmt/format.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

// What people have: the form of Ansible's own documentation, with much that is not fleetsync's.
constexpr const char* kInventory = R"(# the fleet
all:
  hosts:
    mail.example.com: {ansible_port: 5555}
  children:
    web:
      hosts:
        web[01:03].example.com:
        jumper:
          ansible_host: 192.0.2.50
          ansible_user: ada
          packages: [nginx, {name: php, version: 8}]
      vars:
        secret_of_the_page: !vault |
          $ANSIBLE_VAULT;1.1;AES256
          3131
        http_ports: &ports [80, 443]
        more_ports: *ports
    db: {hosts: {"db-[a:b].example.com:2200": }}
    relays:
      hosts: ntp1.example.com
      vars:
        fleetsync_role: relay
        fleetsync_time_upstreams: [0.pool.ntp.org, {address: 1.pool.ntp.org, prefer: true}]
        fleetsync_time_extra: |
          log tracking, statistics
          logdir /var/log/chrony
    prod:
      children: {web: , db: }
      vars:
        ansible_become: true
        ansible_ssh_common_args: -o StrictHostKeyChecking=yes -J ops@bastion:22
        proxy: "{{ somewhere }}"
  vars:
    ansible_user: deploy
    ansible_ssh_private_key_file: ~/.ssh/fleet
)";

Loaded Read(std::string_view text, const AnsibleVarsFiles& files = {}) {
  return ParseAnsibleYaml(text, "hosts.yml", files);
}

const Host& HostIn(const Loaded& loaded, std::string_view name) {
  const Host* host = loaded.inventory.FindHost(name);
  EXPECT_NE(host, nullptr) << name;
  static const Host kNone;
  return host == nullptr ? kNone : *host;
}

std::string ErrorOf(std::string_view text) {
  const Loaded loaded = Read(text);
  EXPECT_EQ(loaded.diagnostics.size(), 1U) << text;
  return loaded.diagnostics.empty() ? "" : ToString(loaded.diagnostics[0]);
}

TEST(AnsibleYaml, ReadsWhatPeopleHave) {
  const Loaded loaded = Read(kInventory);
  EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty());
  EXPECT_EQ(loaded.inventory.hosts.size(), 8U);
  EXPECT_EQ(HostIn(loaded, "mail.example.com").connection.port, 5555);
  EXPECT_EQ(HostIn(loaded, "mail.example.com").connection.become, Become::kNone);
  const Host& web = HostIn(loaded, "web02.example.com");
  EXPECT_EQ(web.connection.user, "deploy");
  EXPECT_EQ(web.connection.become, Become::kSudo);
  EXPECT_EQ(web.connection.proxy_jump, "ops@bastion:22");
  EXPECT_THAT(web.connection.identities, ElementsAre("~/.ssh/fleet"));
  EXPECT_THAT(web.groups, UnorderedElementsAre("web", "prod"));
  EXPECT_EQ(HostIn(loaded, "jumper").connection.address, "192.0.2.50");
  EXPECT_EQ(HostIn(loaded, "jumper").connection.user, "ada");
  EXPECT_EQ(HostIn(loaded, "db-b.example.com").connection.port, 2200);
  const Host& relay = HostIn(loaded, "ntp1.example.com");
  EXPECT_EQ(relay.role, Role::kRelay);
  ASSERT_EQ(relay.time.upstreams.size(), 2U);
  EXPECT_TRUE(relay.time.upstreams[1].prefer);
  EXPECT_THAT(relay.time.extra, ElementsAre("log tracking, statistics", "logdir /var/log/chrony"));
}

TEST(AnsibleYaml, IsToldFromFleetYaml) {
  for (const char* text :
       {"all: {hosts: {a: }}", "all:\n", "# x\n---\nweb: {hosts: {a: }}\n",
        "web:\n  children:\n    eu: \n", "web: {vars: {x: !vault y}}", "plugin: aws_ec2\n"})
    EXPECT_TRUE(IsAnsibleYaml(text)) << text;
  for (const char* text : {"hosts: [a]", "groups: {web: {hosts: [a]}}", "time: {tolerance: 1ms}",
                           "group: {web: {hosts: [a]}}", "", "[", "- a", "x: y",
                           "defaults: {user: a}\nweb: {hosts: {a: }}"})
    EXPECT_FALSE(IsAnsibleYaml(text)) << text;
}

TEST(AnsibleYaml, APasswordInClearIsRefusedAndNotRepeated) {
  for (const char* name : {"ansible_password", "ansible_ssh_pass", "ansible_become_pass"}) {
    const std::string error = ErrorOf(fmt::format("all: {{hosts: {{h: {{{}: s3cret}}}}}}", name));
    EXPECT_THAT(error, AllOf(HasSubstr("is refused"), Not(HasSubstr("s3cret"))));
  }
  EXPECT_THAT(ErrorOf("all: {hosts: {h: s3cret}}"), Not(HasSubstr("s3cret")));
}

TEST(AnsibleYaml, WhatTheVaultHoldsIsNoPasswordInClear) {
  const Loaded loaded = Read("all: {hosts: {h: {ansible_password: !vault x}}}");
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(
      Texts(loaded.diagnostics),
      ElementsAre(AllOf(HasSubstr("hosts.yml:1:37: warning: 'ansible_password' is encrypted"),
                        HasSubstr("fleetsync_password_command"))));
}

TEST(AnsibleYaml, ATemplateOfTheConnectionIsRefused) {
  EXPECT_THAT(ErrorOf("all:\n  hosts:\n    h:\n      ansible_host: '{{ ip }}'\n"),
              AllOf(HasSubstr("hosts.yml:4:21: 'ansible_host' is a template"),
                    HasSubstr("write the value itself")));
  EXPECT_THAT(ErrorOf("all: {vars: {ansible_become_pass: '{{ vault_pass }}'}}"),
              HasSubstr("fleetsync_become_password_command"));
  EXPECT_THAT(ErrorOf("all: {vars: {fleetsync_time_servers: [a, '{{ b }}']}}"),
              HasSubstr("hosts.yml:1:42: 'fleetsync_time_servers' is a template"));
}

TEST(AnsibleYaml, MistakesHaveTheirPlace) {
  EXPECT_THAT(ErrorOf("all:\n  hosts: [a, b]\n"),
              HasSubstr("hosts.yml:2:10: 'hosts' is a mapping of names, this is a list"));
  EXPECT_THAT(ErrorOf("all: text\n"), HasSubstr("hosts.yml:1:6: group 'all' is a mapping"));
  EXPECT_THAT(ErrorOf("all: {vars: text}\n"), HasSubstr("hosts.yml:1:13: 'vars' is a mapping"));
  EXPECT_THAT(ErrorOf("all: {hosts: {'-x': }}\n"), HasSubstr("hosts.yml:1:15: host name '-x'"));
  EXPECT_THAT(ErrorOf("all: {hosts: {'w[3:1]': }}\n"), HasSubstr("hosts.yml:1:15: "));
  EXPECT_THAT(ErrorOf("all: {hosts: {h: {ansible_port: 99999}}}\n"),
              HasSubstr("hosts.yml:1:33: port: '99999' is not a port"));
  EXPECT_THAT(ErrorOf("all: {hosts: {'w[1:9]': {ansible_port: x}}}\n"),
              HasSubstr("hosts.yml:1:40: port: 'x' is not a port"));
  EXPECT_THAT(ErrorOf("all: {vars: {ansible_user: [a]}}\n"), HasSubstr("is one value"));
  EXPECT_THAT(ErrorOf("all: {vars: {fleetsync_time_toleranz: 1ms}}\n"),
              HasSubstr("hosts.yml:1:14: fleetsync has no key 'time.toleranz'"));
  EXPECT_THAT(ErrorOf("all: {vars: {fleetsync_port: {a: b}}}\n"), HasSubstr("hosts.yml:1:30: "));
  EXPECT_THAT(ErrorOf("all: {host: {h: }}\n"), HasSubstr("warning: 'host' is skipped"));
  EXPECT_THAT(ErrorOf("all: {vars: {ansible_user: *a}}\n"), HasSubstr("is not YAML"));
  EXPECT_THAT(ErrorOf("plugin: aws_ec2\n"), HasSubstr("ansible-inventory -i THIS --list --yaml"));
  EXPECT_THAT(ErrorOf("a: {children: {b: {children: {a: }}}}\n"), HasSubstr("contains itself"));
  EXPECT_THAT(ErrorOf("all: {vars: {ansible_ssh_common_args: '-o ProxyCommand=\"ssh x\"'}}\n"),
              HasSubstr("warning: the ProxyCommand"));
}

// As ansible-inventory --list has it for these files.
TEST(AnsibleYaml, TheDeeperGroupWinsThenThePriorityThenTheLaterName) {
  const Loaded loaded = Read(R"(
all:
  vars: {ansible_port: 1}
  children:
    zone: {hosts: {a: }, vars: {ansible_port: 2}}
    eu: {children: {berlin: {hosts: {a: , b: }, vars: {ansible_port: 3}}}}
    x1: {hosts: {c: }, vars: {ansible_port: 4}}
    x0: {hosts: {c: , d: }, vars: {ansible_port: 5}}
    w: {hosts: {d: }, vars: {ansible_port: 6, ansible_group_priority: 10}}
    ungrouped: {hosts: {e: }, vars: {ansible_port: 7}}
)");
  EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty());
  EXPECT_EQ(HostIn(loaded, "a").connection.port, 3) << "the deeper";
  EXPECT_EQ(HostIn(loaded, "c").connection.port, 4) << "the later name";
  EXPECT_EQ(HostIn(loaded, "d").connection.port, 6) << "the priority";
  EXPECT_EQ(HostIn(loaded, "e").connection.port, 7) << "ungrouped";
}

TEST(AnsibleYaml, FilesOfVariablesHaveAnsiblesPrecedence) {
  const auto group = AnsibleVarsFile::Of::kGroup, host = AnsibleVarsFile::Of::kHost;
  const Loaded loaded = Read(R"(
all:
  vars: {ansible_user: all_inv, ansible_port: 1, fleetsync_time_tolerance: 1ms}
  hosts: {lonely: }
  children:
    eu: {children: {web: {hosts: {a: , b: {ansible_user: host_inv, ansible_port: 9}}}}}
    web: {vars: {ansible_port: 2, ansible_user: web_inv, fleetsync_time_tolerance: 2ms}}
)",
                             {{group, "all", "group_vars/all", "ansible_user: all_file"},
                              {group, "eu", "group_vars/eu/1.yml", "ansible_port: 3"},
                              {group, "eu", "group_vars/eu/2.yml", "ansible_port: 4"},
                              {host, "b", "host_vars/b.json", "{\"ansible_port\": 10, \"x\": [1]}"},
                              {group, "other", "group_vars/other", "ansible_port: wrong"},
                              {group, "web", "group_vars/web", "# nothing\n"}});
  EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty());
  EXPECT_EQ(HostIn(loaded, "a").connection.user, "all_file") << "over every group of the inventory";
  EXPECT_EQ(HostIn(loaded, "a").connection.port, 4) << "a group's file over the inventory's child";
  EXPECT_EQ(HostIn(loaded, "a").time.tolerance, std::chrono::milliseconds(2));
  EXPECT_EQ(HostIn(loaded, "b").connection.user, "host_inv") << "the host over all groups";
  EXPECT_EQ(HostIn(loaded, "b").connection.port, 10) << "its file over it";
  EXPECT_EQ(HostIn(loaded, "lonely").connection.port, 1);
  EXPECT_EQ(HostIn(loaded, "b").variables.at("port").origin.file, "host_vars/b.json");
}

TEST(AnsibleYaml, FilesOfVariablesThatAreEncryptedOrWrong) {
  const auto group = AnsibleVarsFile::Of::kGroup;
  const char* inventory = "web: {hosts: {a: }}";
  const auto texts = [&](const char* text) {
    return Texts(Read(inventory, {{group, "web", "group_vars/web.yml", text}}).diagnostics);
  };
  EXPECT_THAT(
      texts("$ANSIBLE_VAULT;1.1;AES256\n3331\n"),
      ElementsAre(HasSubstr("group_vars/web.yml: warning: this file is encrypted by Ansible's "
                            "vault, and was skipped")));
  EXPECT_THAT(texts("- a\n"),
              ElementsAre(HasSubstr("group_vars/web.yml:1:1: a file of variables")));
  EXPECT_THAT(texts("a: 1\nansible_port: x\n"),
              ElementsAre(HasSubstr("group_vars/web.yml:2:15: port: 'x' is not a port")));
  EXPECT_THAT(texts("ansible_user: '{{ me }}'\n"), Contains(HasSubstr("is a template")));
  EXPECT_THAT(texts("x: !custom {a: b}\n? [a, b]\n: c\n"), IsEmpty());
}

TEST(AnsibleYaml, BecomeIsWhetherAndByWhat) {
  const auto become = [](const std::string& variables) {
    return HostIn(Read("all: {hosts: {h: {" + variables + "}}, vars: {ansible_become: yes}}"), "h")
        .connection.become;
  };
  EXPECT_EQ(become("ansible_become: no"), Become::kNone);
  EXPECT_EQ(become("ansible_become: no, ansible_become_method: doas"), Become::kNone);
  EXPECT_EQ(become("ansible_become_method: doas, ansible_become: no"), Become::kNone);
  EXPECT_EQ(become("ansible_become_method: doas"), Become::kDoas);
  EXPECT_EQ(become("ansible_become_method: doas, ansible_become: yes"), Become::kDoas);
  EXPECT_EQ(become("x: y"), Become::kSudo);
}

}  // namespace
}  // namespace fleetsync::inventory
