#include "tests/controller/doctor/rules_fixture.h"

namespace fleetsync::doctor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Firewall : public Rules {
 protected:
  Firewall() { host.role = inventory::Role::kRelay; }
  // One chain of nftables for packets to the host.
  void SetNft(const std::string& policy, const std::vector<std::string>& rules) {
    answers.nft = {"table inet filter {", "\tchain input {",
                   "\t\ttype filter hook input priority filter; policy " + policy + ";"};
    for (const std::string& rule : rules) answers.nft.push_back("\t\t" + rule);
    answers.nft.insert(answers.nft.end(), {"\t}", "}"});
  }
};

TEST_F(Firewall, ADefinitionOfFirewalldThatOpensNothing) {
  answers.firewalld_service = "/etc/firewalld/services/ntp.xml";
  EXPECT_THAT(Ids(), ElementsAre("firewalld-new-service"));
  EXPECT_EQ(Findings()[0].severity, Severity::kError);
  const std::string zone = "/etc/firewalld/zones/public.xml";
  answers.firewalld_zones = {{zone + ":4", zone, "  <service name=\"ntp-pool\"/>"},
                             {zone + ":5", zone, "  <port port=\"123\" protocol=\"tcp\"/>"}};
  EXPECT_THAT(Ids(), ElementsAre("firewalld-new-service"));
  host.role = inventory::Role::kClient;
  EXPECT_EQ(Findings()[0].severity, Severity::kWarning);
}

TEST_F(Firewall, ADefinitionThatAZoneHas) {
  answers.firewalld_service = "/etc/firewalld/services/ntp.xml";
  const std::string zone = "/etc/firewalld/zones/public.xml";
  answers.firewalld_zones = {{zone + ":4", zone, "  <service name=\"ntp\"/>"}};
  EXPECT_THAT(Ids(), IsEmpty());
  answers.firewalld_zones = {{zone + ":4", zone, "  <port port=\"123\" protocol=\"udp\"/>"}};
  EXPECT_THAT(Ids(), IsEmpty());
  answers.firewalld_service.clear();
  answers.firewalld_zones.clear();
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Firewall, TcpInsteadOfUdp) {
  answers.iptables = {"-P INPUT ACCEPT", "-A INPUT -p tcp -m tcp --dport 123 -j ACCEPT"};
  ASSERT_THAT(Ids(), ElementsAre("firewall-tcp-123"));
  EXPECT_EQ(Findings()[0].severity, Severity::kError);
  host.role = inventory::Role::kClient;
  EXPECT_EQ(Findings()[0].severity, Severity::kWarning);
  answers.iptables = {"-A INPUT -p tcp -m multiport --dports 22,123 -j ACCEPT"};
  EXPECT_THAT(Ids(), ElementsAre("firewall-tcp-123"));
  answers.iptables.clear();
  SetNft("accept", {"tcp dport { 22, 123 } accept"});
  ASSERT_THAT(Ids(), ElementsAre("firewall-tcp-123"));
  EXPECT_THAT(Findings()[0].what, HasSubstr("inet filter input: \"tcp dport { 22, 123 } accept\""));
}

TEST_F(Firewall, TcpBesideUdpAndOtherPorts) {
  answers.iptables = {"-A INPUT -p tcp -m tcp --dport 123 -j ACCEPT",
                      "-A INPUT -p udp -m udp --dport 123 -j ACCEPT"};
  EXPECT_THAT(Ids(), IsEmpty());
  answers.iptables = {"-A INPUT -p tcp -m tcp --dport 1123 -j ACCEPT",
                      "-A INPUT -p tcp -m tcp --sport 123 -j ACCEPT",
                      "-A INPUT -p tcp -m tcp --dport 123 -j DROP"};
  EXPECT_THAT(Ids(), IsEmpty());
  answers.iptables.clear();
  SetNft("accept", {"meta l4proto { tcp, udp } th dport 123 accept", "tcp dport 1230 accept"});
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Firewall, ARelayThatDropsItsClients) {
  answers.iptables = {"-P INPUT ACCEPT", "-A INPUT -p udp -m udp --dport 123 -j DROP"};
  EXPECT_THAT(Ids(), ElementsAre("firewall-drops-ntp"));
  host.role = inventory::Role::kClient;
  EXPECT_THAT(Ids(), IsEmpty());
  host.role = inventory::Role::kRelay;
  answers.iptables.clear();
  SetNft("accept", {"udp dport 123 counter packets 3 bytes 228 drop"});
  EXPECT_THAT(Ids(), ElementsAre("firewall-drops-ntp"));
  SetNft("accept", {"udp dport { 53, 100-200 } reject with icmp port-unreachable"});
  EXPECT_THAT(Ids(), ElementsAre("firewall-drops-ntp"));
}

TEST_F(Firewall, ADropForSomeIsNoDropForAll) {
  answers.iptables = {"-A INPUT -s 10.9.9.9/32 -p udp -m udp --dport 123 -j DROP",
                      "-A INPUT -p udp -m udp --dport 123 -m limit --limit 9/s -j DROP",
                      "-A INPUT -s 10.0.0.0/8 -p udp -m udp --dport 123 -j ACCEPT",
                      "-A INPUT -p udp -m udp --dport 123 -j DROP"};
  EXPECT_THAT(Ids(), IsEmpty());
  answers.iptables.clear();
  SetNft("accept", {"ip saddr 10.9.9.9 udp dport 123 drop",
                    "udp dport 123 limit rate over 100/second drop", "udp dport 124 drop"});
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(Firewall, AChainThatLetsNobodyAskTheRelay) {
  answers.iptables = {"-P INPUT DROP", "-A INPUT -i lo -j ACCEPT",
                      "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT",
                      "-A INPUT -p icmp -j ACCEPT", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"};
  ASSERT_THAT(Ids(), ElementsAre("firewall-closed"));
  EXPECT_EQ(Findings()[0].todo, "fleetsync push --limit web07 opens UDP 123");
  answers.iptables[0] = "-P INPUT ACCEPT";
  EXPECT_THAT(Ids(), IsEmpty());
  answers.iptables.push_back("-A INPUT -j REJECT --reject-with icmp-host-prohibited");
  EXPECT_THAT(Ids(), ElementsAre("firewall-closed"));
  answers.iptables.clear();
  SetNft("drop", {"iif \"lo\" accept", "ct state established,related accept", "tcp dport 22 accept",
                  "udp dport 53 accept", "meta l4proto icmp accept"});
  EXPECT_THAT(Ids(), ElementsAre("firewall-closed"));
}

TEST_F(Firewall, AChainThatMayLetClientsIn) {
  for (const char* rule :
       {"udp dport 123 accept", "udp dport { 53, 123 } accept", "ip saddr 10.0.0.0/8 accept",
        "udp dport vmap { 123 : accept }", "udp dport @open accept", "udp dport ntp accept"}) {
    SetNft("drop", {"ct state established,related accept", rule});
    EXPECT_THAT(Ids(), IsEmpty()) << rule;
  }
  SetNft("drop", {"tcp dport 22 accept"});
  host.role = inventory::Role::kClient;
  EXPECT_THAT(Ids(), IsEmpty());
}

}  // namespace
}  // namespace fleetsync::doctor
