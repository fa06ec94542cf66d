#include "agent/server/access_list.h"

#include <arpa/inet.h>

#include <cstring>
#include <string>

#include "gtest/gtest.h"

namespace fleetsync::server {
namespace {

// Text to ::ffff:a.b.c.d or an IPv6 address.
ntp::Address At(const std::string& text) {
  ntp::Address address;
  const bool ipv4 = text.find(':') == std::string::npos;
  EXPECT_EQ(inet_pton(AF_INET6, (ipv4 ? "::ffff:" + text : text).c_str(), address.ip.data()), 1);
  return address;
}

AccessRule Rule(const std::string& network, int prefix, bool allow) {
  const bool ipv4 = network.find(':') == std::string::npos;
  return {At(network), prefix + (ipv4 ? 96 : 0), allow};
}
AccessRule Allow(const std::string& network, int prefix) { return Rule(network, prefix, true); }
AccessRule Deny(const std::string& network, int prefix) { return Rule(network, prefix, false); }

TEST(AccessList, WithoutARuleEverybodyIsDenied) {
  const AccessList list({});
  EXPECT_FALSE(list.Allows(At("127.0.0.1")));
  EXPECT_FALSE(list.Allows(At("::1")));
}

TEST(AccessList, TheLongestPrefixDecidesWhateverTheOrder) {
  std::vector<AccessRule> rules = {Allow("10.0.0.0", 8), Deny("10.1.0.0", 16),
                                   Allow("10.1.2.0", 24), Deny("10.1.2.3", 32)};
  for (int order = 0; order < 4; ++order) {
    std::rotate(rules.begin(), rules.begin() + 1, rules.end());
    const AccessList list(rules);
    EXPECT_TRUE(list.Allows(At("10.0.0.1")));
    EXPECT_FALSE(list.Allows(At("10.1.0.1")));
    EXPECT_TRUE(list.Allows(At("10.1.2.2")));
    EXPECT_FALSE(list.Allows(At("10.1.2.3")));
    EXPECT_TRUE(list.Allows(At("10.255.255.255")));
    EXPECT_FALSE(list.Allows(At("11.0.0.0")));
    EXPECT_FALSE(list.Allows(At("9.255.255.255")));
  }
}

TEST(AccessList, OfTwoRulesForOneNetworkTheOneThatDeniesDecides) {
  for (const bool deny_first : {true, false}) {
    const std::vector<AccessRule> rules = {Rule("10.0.0.0", 8, !deny_first),
                                           Rule("10.0.0.0", 8, deny_first)};
    EXPECT_FALSE(AccessList(rules).Allows(At("10.0.0.1")));
  }
}

TEST(AccessList, BitsRightOfThePrefixMeanNothing) {
  const AccessList list(std::vector{Allow("192.168.44.130", 24)});
  EXPECT_TRUE(list.Allows(At("192.168.44.1")));
  EXPECT_FALSE(list.Allows(At("192.168.45.130")));
}

TEST(AccessList, PrefixZeroIsEverybodyOfItsFamily) {
  const AccessList ipv4(std::vector{Allow("0.0.0.0", 0)});
  EXPECT_TRUE(ipv4.Allows(At("203.0.113.9")));
  EXPECT_TRUE(ipv4.Allows(At("::ffff:203.0.113.9")));
  EXPECT_FALSE(ipv4.Allows(At("2001:db8::1")));
  EXPECT_FALSE(ipv4.Allows(At("::203.0.113.9")));
  const AccessList both(std::vector{Allow("::", 0), Deny("192.0.2.0", 24)});
  EXPECT_TRUE(both.Allows(At("2001:db8::1")));
  EXPECT_TRUE(both.Allows(At("203.0.113.9")));
  EXPECT_FALSE(both.Allows(At("192.0.2.1")));
}

TEST(AccessList, AMappedNetworkIsTheIpv4One) {
  const AccessList list(std::vector{Allow("::ffff:10.0.0.0", 104), Deny("::ffff:0.0.0.0", 96)});
  EXPECT_TRUE(list.Allows(At("10.9.9.9")));
  EXPECT_FALSE(list.Allows(At("11.9.9.9")));
}

TEST(AccessList, Ipv6NetworksOfOddLengths) {
  const AccessList list(
      std::vector{Allow("2001:db8::", 33), Deny("2001:db8:7fff::", 49), Allow("::1", 128)});
  EXPECT_TRUE(list.Allows(At("2001:db8::1")));
  EXPECT_FALSE(list.Allows(At("2001:db8:8000::1")));
  EXPECT_FALSE(list.Allows(At("2001:db8:7fff:7fff::1")));
  EXPECT_TRUE(list.Allows(At("2001:db8:7fff:8000::1")));
  EXPECT_TRUE(list.Allows(At("::1")));
  EXPECT_FALSE(list.Allows(At("::2")));
}

}  // namespace
}  // namespace fleetsync::server
