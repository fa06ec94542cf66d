#include "controller/render/firewall.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fleetsync::render {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<inventory::Network> Networks(const std::vector<std::string>& texts) {
  std::vector<inventory::Network> networks;
  for (const std::string& text : texts) networks.push_back(*inventory::ParseNetwork(text));
  return networks;
}

FirewallChange Opened(std::string_view kind, const FirewallState& state,
                      const std::vector<std::string>& networks) {
  const auto change = OpenNtp(kind, state, Networks(networks));
  EXPECT_TRUE(change.ok()) << change.status();
  return change.ok() ? *change : FirewallChange{};
}

facts::FileFact File(const std::string& content) {
  facts::FileFact file;
  file.exists = file.readable = true;
  file.content = content;
  return file;
}

TEST(OpenNtp, WithoutAFilterThereIsNothingToOpen) {
  EXPECT_TRUE(Opened("", {}, {"10.0.0.0/8"}).empty());
}

// ---- iptables

TEST(Iptables, OpensWhatIsMissingAndClosesWhatIsOursAndNotWanted) {
  FirewallState state;
  state.iptables =
      "-P INPUT DROP\n"
      "-A INPUT -s 10.77.3.4/32 -p udp -m udp --dport 123 -m comment --comment fleetsync -j "
      "ACCEPT\n"
      "-A INPUT -s 172.16.0.0/12 -p udp -m udp --dport 123 -m comment --comment fleetsync -j "
      "ACCEPT\n"
      "-A INPUT -p udp -m udp --dport 123 -m comment --comment theirs -j ACCEPT\n";
  const FirewallChange change = Opened("iptables", state, {"10.77.3.4", "192.168.0.0/16"});
  EXPECT_THAT(change.commands,
              ElementsAre("iptables -w -I INPUT -s 192.168.0.0/16 -p udp -m udp --dport 123 -m "
                          "comment --comment fleetsync -j ACCEPT",
                          "iptables -w -D INPUT -s 172.16.0.0/12 -p udp -m udp --dport 123 -m "
                          "comment --comment fleetsync -j ACCEPT"));
  EXPECT_THAT(change.opened, ElementsAre("192.168.0.0/16"));
  EXPECT_THAT(change.closed, ElementsAre("172.16.0.0/12"));
  EXPECT_THAT(change.undo[0], HasSubstr("-I INPUT -s 172.16.0.0/12"));
}

TEST(Iptables, EachFamilyHasItsProgramAndItsFile) {
  FirewallState state;
  state.iptables = state.ip6tables = "-P INPUT DROP\n";
  state.files["/etc/iptables/rules.v4"] = File("*filter\n:INPUT DROP [0:0]\nCOMMIT\n");
  state.files["/etc/iptables/rules.v6"] = File("*filter\n-A INPUT -j DROP\nCOMMIT\n");
  const FirewallChange change = Opened("iptables", state, {"10.0.0.0/8", "fd00::/8"});
  ASSERT_EQ(change.commands.size(), 2u);
  EXPECT_THAT(change.commands[0], testing::StartsWith("iptables -w -I INPUT -s 10.0.0.0/8 "));
  EXPECT_THAT(change.commands[1], testing::StartsWith("ip6tables -w -I INPUT -s fd00::/8 "));
  EXPECT_EQ(
      change.files.at("/etc/iptables/rules.v4"),
      "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.0.0.0/8 -p udp -m udp --dport 123 -m comment "
      "--comment fleetsync -j ACCEPT\nCOMMIT\n");
  EXPECT_THAT(change.files.at("/etc/iptables/rules.v6"),
              testing::StartsWith("*filter\n-A INPUT -s fd00::/8 "));
}

TEST(Iptables, RulesThatCouldNotBeReadAreNotGuessed) {
  EXPECT_THAT(OpenNtp("iptables", {}, {}).status().message(), HasSubstr("could not be read"));
}

// ---- nftables

constexpr const char* kRuleset =
    "table inet filter { # handle 1\n"
    "\tchain input { # handle 1\n"
    "\t\ttype filter hook input priority filter; policy drop;\n"
    "\t\tip saddr 10.0.0.0/8 udp dport 123 accept comment \"fleetsync\" # handle 9\n"
    "\t\ttcp dport 22 accept # handle 4\n"
    "\t}\n"
    "\n"
    "\tchain output { # handle 2\n"
    "\t\ttype filter hook output priority filter; policy accept;\n"
    "\t}\n"
    "}\n"
    "table ip6 six { # handle 2\n"
    "\tchain in { # handle 1\n"
    "\t\ttype filter hook input priority filter; policy accept;\n"
    "\t}\n"
    "}\n";

TEST(Nftables, OpensEveryInputChainForItsFamily) {
  FirewallState state;
  state.nft = kRuleset;
  const FirewallChange change = Opened("nftables", state, {"10.0.0.0/8", "fd00::/8"});
  EXPECT_THAT(change.commands,
              ElementsAre("nft insert rule inet filter input 'ip6 saddr fd00::/8 udp dport 123 "
                          "accept comment \"fleetsync\"'",
                          "nft insert rule ip6 six in 'ip6 saddr fd00::/8 udp dport 123 accept "
                          "comment \"fleetsync\"'"));
  EXPECT_THAT(change.undo[1], testing::StartsWith("nft_close inet filter input "));
}

TEST(Nftables, WhatIsThereAlreadyIsLeft) {
  FirewallState state;
  state.nft = kRuleset;
  EXPECT_TRUE(Opened("nftables", state, {"10.0.0.0/8"}).empty());
}

// ---- ufw, firewalld

TEST(Ufw, RulesAreKnownByTheirComment) {
  FirewallState state;
  state.ufw =
      "Added user rules (see 'ufw status' for running firewall):\n"
      "ufw allow 22/tcp\n"
      "ufw allow from 10.0.0.0/8 to any port 123 proto udp comment 'fleetsync'\n";
  EXPECT_TRUE(Opened("ufw", state, {"10.0.0.0/8"}).empty());
  const FirewallChange change = Opened("ufw", state, {"fd00::/8"});
  EXPECT_THAT(change.commands,
              ElementsAre("ufw allow from fd00::/8 to any port 123 proto udp comment fleetsync",
                          "ufw delete allow from 10.0.0.0/8 to any port 123 proto udp"));
}

TEST(Firewalld, RichRulesAreAddedNowAndForTheNextStart) {
  FirewallState state;
  state.zone = "public";
  state.rich_rules =
      "rule family=\"ipv4\" source address=\"10.0.0.0/8\" port port=\"123\" protocol=\"udp\" "
      "accept\n"
      "rule family=\"ipv4\" source address=\"10.9.0.0/16\" service name=\"ntp\" accept\n";
  EXPECT_TRUE(Opened("firewalld", state, {"10.0.0.0/8"}).empty());
  const FirewallChange change = Opened("firewalld", state, {"192.168.0.0/16"});
  ASSERT_EQ(change.commands.size(), 4u);
  EXPECT_EQ(
      change.commands[0],
      "firewall-cmd -q --permanent --zone=public '--add-rich-rule=rule family=\"ipv4\" source "
      "address=\"192.168.0.0/16\" port port=\"123\" protocol=\"udp\" accept'");
  EXPECT_THAT(change.commands[3], HasSubstr("--remove-rich-rule="));
  EXPECT_THAT(change.closed, ElementsAre("10.0.0.0/8"));
}

TEST(Firewalld, WithoutAZoneNothingIsGuessed) {
  EXPECT_THAT(OpenNtp("firewalld", {}, {}).status().message(), HasSubstr("default zone"));
}

}  // namespace
}  // namespace fleetsync::render
