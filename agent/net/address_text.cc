#include "agent/net/address_text.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "fmt/format.h"

namespace fleetsync::net {
namespace {

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool IsIpv4(const ntp::Address& address) {
  return std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.ip.begin());
}

ntp::Address FromIpv4(const in_addr& ip, uint16_t port) {
  ntp::Address address;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), address.ip.begin());
  std::memcpy(address.ip.data() + kMappedPrefix.size(), &ip, sizeof ip);
  address.port = port;
  return address;
}

ntp::Address FromIpv6(const in6_addr& ip, uint16_t port, uint32_t scope) {
  ntp::Address address;
  std::memcpy(address.ip.data(), &ip, sizeof ip);
  address.port = port;
  address.scope = scope;
  return address;
}

}  // namespace

std::string AddressText(const ntp::Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (IsIpv4(address)) {
    inet_ntop(AF_INET, address.ip.data() + kMappedPrefix.size(), text, sizeof text);
    return text;
  }
  inet_ntop(AF_INET6, address.ip.data(), text, sizeof text);
  if (address.scope == 0) return text;
  char interface[IF_NAMESIZE] = "";
  if (if_indextoname(address.scope, interface) == nullptr) {
    return fmt::format("{}%{}", text, address.scope);
  }
  return fmt::format("{}%{}", text, interface);
}

std::optional<ntp::Address> ParseNumericAddress(const std::string& text, uint16_t port) {
  in_addr ipv4{};
  if (inet_pton(AF_INET, text.c_str(), &ipv4) == 1) return FromIpv4(ipv4, port);
  const size_t percent = text.find('%');
  in6_addr ipv6{};
  if (inet_pton(AF_INET6, text.substr(0, percent).c_str(), &ipv6) != 1) return std::nullopt;
  uint32_t scope = 0;
  if (percent != std::string::npos) {
    const char* const zone = text.c_str() + percent + 1;
    const char* const end = text.c_str() + text.size();
    scope = if_nametoindex(zone);
    if (scope == 0 && std::from_chars(zone, end, scope).ptr != end) return std::nullopt;
    if (scope == 0) return std::nullopt;
  }
  return FromIpv6(ipv6, port, scope);
}

SocketAddress ToSocketAddress(const ntp::Address& address) {
  SocketAddress result;
  if (IsIpv4(address)) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    std::memcpy(&in.sin_addr, address.ip.data() + kMappedPrefix.size(), sizeof in.sin_addr);
    std::memcpy(&result.storage, &in, sizeof in);
    result.size = sizeof in;
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(address.port);
    in.sin6_scope_id = address.scope;
    std::memcpy(&in.sin6_addr, address.ip.data(), sizeof in.sin6_addr);
    std::memcpy(&result.storage, &in, sizeof in);
    result.size = sizeof in;
  }
  return result;
}

std::optional<ntp::Address> FromSocketAddress(const sockaddr* address, uint16_t port) {
  if (address->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    return FromIpv4(in.sin_addr, port);
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, address, sizeof in);
    return FromIpv6(in.sin6_addr, port, in.sin6_scope_id);
  }
  return std::nullopt;
}

}  // namespace fleetsync::net
