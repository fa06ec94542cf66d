#include "agent/net/address_text.h"

#include "gtest/gtest.h"

namespace fleetsync::net {
namespace {

TEST(AddressText, IsTheInverseOfParsing) {
  for (const char* text : {"192.0.2.1", "2001:db8::1", "::1", "255.255.255.255", "fe80::1%1"}) {
    const auto address = ParseNumericAddress(text, 123);
    ASSERT_TRUE(address.has_value()) << text;
    const std::string again = AddressText(*address);
    EXPECT_EQ(again.substr(0, again.find('%')), std::string(text).substr(0, again.find('%')));
    EXPECT_EQ(address->port, 123);
  }
}

TEST(AddressText, NamesAndHalfAddressesAreNotAddresses) {
  for (const char* text : {"ntp.example", "192.0.2", "192.0.2.1.", "192.0.2.256", "",
                           "fe80::1%nosuchif", " 192.0.2.1"}) {
    EXPECT_FALSE(ParseNumericAddress(text, 123).has_value()) << text;
  }
}

TEST(AddressText, SocketAddressesKeepPortAndAddress) {
  for (const char* text : {"192.0.2.1", "2001:db8::1"}) {
    const auto address = ParseNumericAddress(text, 4123);
    const SocketAddress socket = ToSocketAddress(*address);
    EXPECT_EQ(FromSocketAddress(reinterpret_cast<const sockaddr*>(&socket.storage), 4123), address);
  }
}

}  // namespace
}  // namespace fleetsync::net
