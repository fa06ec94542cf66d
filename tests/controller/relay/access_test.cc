#include "controller/relay/access.h"

#include "agent/net/address_text.h"
#include "gtest/gtest.h"

namespace fleetsync::relay {
namespace {

using Texts = std::vector<std::string>;

bool Allows(const Texts& allow, const Texts& deny, const std::string& client) {
  const auto rules = MakeAccessRules(allow, deny);
  EXPECT_TRUE(rules.ok()) << Message(rules.status());
  return server::AccessList(*rules).Allows(*net::ParseNumericAddress(client, 123));
}

TEST(AccessRules, WithoutAnAllowedNetworkThePrivateOnesAreAnswered) {
  for (const char* const client : {"127.0.0.1", "10.9.8.7", "172.31.255.255", "192.168.0.1",
                                   "169.254.1.1", "100.64.0.1", "::1", "fd00::1", "fe80::1"}) {
    EXPECT_TRUE(Allows({}, {}, client)) << client;
  }
  for (const char* const client : {"8.8.8.8", "172.32.0.0", "2001:db8::1", "::2"}) {
    EXPECT_FALSE(Allows({}, {}, client)) << client;
  }
}

TEST(AccessRules, DeniedNetworksAreTakenOutOfTheDefault) {
  EXPECT_FALSE(Allows({}, {"10.1.0.0/16"}, "10.1.2.3"));
  EXPECT_FALSE(Allows({}, {"10.0.0.0/8"}, "10.1.2.3"));
  EXPECT_TRUE(Allows({}, {"10.1.0.0/16"}, "10.2.2.3"));
}

TEST(AccessRules, AllowedNetworksReplaceTheDefault) {
  EXPECT_TRUE(Allows({"192.0.2.7"}, {}, "192.0.2.7"));
  EXPECT_FALSE(Allows({"192.0.2.7"}, {}, "192.0.2.8"));
  EXPECT_FALSE(Allows({"192.0.2.7"}, {}, "10.0.0.1"));
  EXPECT_TRUE(Allows({"2001:db8::/32"}, {}, "2001:db8:ffff::1"));
  EXPECT_FALSE(Allows({"2001:db8::/32"}, {}, "192.0.2.7"));
}

TEST(AccessRules, AllIsEverybodyOfBothFamilies) {
  EXPECT_TRUE(Allows({"all"}, {"203.0.113.0/24"}, "8.8.8.8"));
  EXPECT_TRUE(Allows({"all"}, {"203.0.113.0/24"}, "2001:db8::1"));
  EXPECT_FALSE(Allows({"all"}, {"203.0.113.0/24"}, "203.0.113.5"));
}

TEST(AccessRules, WhatIsNoNetworkIsTold) {
  EXPECT_EQ(Message(MakeAccessRules(Texts{"10.0.0.0/33"}, {}).status()),
            "--allow 10.0.0.0/33: not a network; write 10.0.0.0/8, 2001:db8::/32, one address, or "
            "all");
  EXPECT_EQ(Message(MakeAccessRules({}, Texts{"web01"}).status()),
            "--deny web01: not a network; write 10.0.0.0/8, 2001:db8::/32, one address, or all");
}

}  // namespace
}  // namespace fleetsync::relay
