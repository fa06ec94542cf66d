#include "agent/serve/access_rule.h"

#include "agent/net/address_text.h"
#include "gtest/gtest.h"

namespace fleetsync::serve {
namespace {

bool Covers(std::string_view text, const std::string& client) {
  const auto rule = ParseAccessRule(text, true);
  EXPECT_TRUE(rule.has_value()) << text;
  if (!rule) return false;
  return server::AccessList(std::span(&*rule, 1)).Allows(*net::ParseNumericAddress(client, 123));
}

TEST(AccessRule, ANetworkIsWhatItSays) {
  EXPECT_TRUE(Covers("10.1.2.3/8", "10.200.0.1")) << "bits right of the prefix mean nothing";
  EXPECT_FALSE(Covers("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(Covers("0.0.0.0/0", "8.8.8.8"));
  EXPECT_FALSE(Covers("0.0.0.0/0", "2001:db8::1")) << "IPv4 alone";
  EXPECT_TRUE(Covers("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(Covers("192.0.2.7", "192.0.2.6"));
  EXPECT_TRUE(Covers("2001:db8::/32", "2001:db8:1::1"));
  EXPECT_TRUE(Covers("all", "8.8.8.8"));
  EXPECT_TRUE(Covers("all", "2001:db8::1"));
  EXPECT_FALSE(ParseAccessRule("all", false)->allow);
}

TEST(AccessRule, WhatIsNoNetworkIsNone) {
  for (const char* text : {"", "web01", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                           "10.0.0.0/ 8", "10.0.0", "::/129", "fe80::1%lo", "/8", "ALL"})
    EXPECT_FALSE(ParseAccessRule(text, true).has_value()) << text;
}

}  // namespace
}  // namespace fleetsync::serve
