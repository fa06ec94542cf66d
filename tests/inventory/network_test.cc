#include "inventory/network.h"

#include <optional>
#include <string_view>

#include "gtest/gtest.h"

namespace fleetsync::inventory {
namespace {

struct NetworkCase {
  std::string_view text, network;  // "": not one
};
class NetworkText : public ::testing::TestWithParam<NetworkCase> {};

TEST_P(NetworkText, IsParsedAndMasked) {
  const std::optional<Network> network = ParseNetwork(GetParam().text);
  EXPECT_EQ(network ? ToString(*network) : "", GetParam().network);
}

INSTANTIATE_TEST_SUITE_P(
    Corners, NetworkText,
    ::testing::Values(NetworkCase{"192.168.11.0/24", "192.168.11.0/24"},
                      NetworkCase{"192.168.44.130/24", "192.168.44.0/24"},
                      NetworkCase{"192.168.10.25", "192.168.10.25"},
                      NetworkCase{"192.168.10.25/32", "192.168.10.25"},
                      NetworkCase{"10.1.2.3/9", "10.0.0.0/9"},
                      NetworkCase{"1.2.3.4/0", "0.0.0.0/0"}, NetworkCase{"fd00::1/8", "fd00::/8"},
                      NetworkCase{"::1", "::1"}, NetworkCase{"10.0.0.0/33", ""},
                      NetworkCase{"10.0.0.0/", ""}, NetworkCase{"10.0.0.0/-1", ""},
                      NetworkCase{"10.0.0/8", ""}, NetworkCase{"10.0.0.0/255.0.0.0", ""},
                      NetworkCase{"::/129", ""}, NetworkCase{"web01", ""}, NetworkCase{"", ""}));

struct PublicCase {
  std::string_view address;
  bool is_public;
};
class PublicAddress : public ::testing::TestWithParam<PublicCase> {};

TEST_P(PublicAddress, IsOneOutsideTheRangesSetAside) {
  EXPECT_EQ(IsPublic(*ParseIpAddress(GetParam().address)), GetParam().is_public);
}

INSTANTIATE_TEST_SUITE_P(
    Corners, PublicAddress,
    ::testing::Values(PublicCase{"202.112.29.82", true}, PublicCase{"10.0.0.15", false},
                      PublicCase{"172.16.0.1", false}, PublicCase{"172.32.0.1", true},
                      PublicCase{"192.168.11.5", false}, PublicCase{"127.127.1.0", false},
                      PublicCase{"198.18.0.7", false}, PublicCase{"198.20.0.7", true},
                      PublicCase{"2606:4700::1", true}, PublicCase{"fd00::1", false},
                      PublicCase{"fe80::1", false}, PublicCase{"2001:db8::1", false}));

TEST(IpAddress, MayHaveAZoneOnlyWhenItIsIpv6) {
  EXPECT_TRUE(IsIpAddress("fe80::1%eth0"));
  EXPECT_FALSE(IsIpAddress("10.0.0.1%eth0"));
  EXPECT_FALSE(IsIpAddress("fe80::1%"));
  EXPECT_FALSE(IsIpAddress("fe80::1%a b"));
  EXPECT_TRUE(IsIpAddress("fe80::1%aaaaaaaaaaaaaaa"));  // IFNAMSIZ allows 15
  EXPECT_FALSE(IsIpAddress("fe80::1%aaaaaaaaaaaaaaaa"));
  EXPECT_FALSE(IsIpAddress(std::string_view("10.0.0.1\0x", 10)));
}

}  // namespace
}  // namespace fleetsync::inventory
