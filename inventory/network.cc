#include "inventory/network.h"

#include <arpa/inet.h>

#include <algorithm>

#include "fmt/format.h"

namespace fleetsync::inventory {
namespace {

// RFC 6890 and its registries: not global, or never a host's.
constexpr std::string_view kNotPublic[] = {
    "0.0.0.0/8",       "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12",   "192.0.0.0/24",   "192.0.2.0/24",  "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",   "::/127",         "64:ff9b:1::/48",
    "100::/64",        "2001:db8::/32",  "fc00::/7",      "fe80::/10",      "ff00::/8"};

void Mask(IpAddress& address, int prefix) {
  for (int bit = prefix; bit < address.bits; ++bit)
    address.bytes[static_cast<size_t>(bit / 8)] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
}

}  // namespace

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
  if (text.size() > INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos)
    return std::nullopt;
  const std::string copy(text);
  IpAddress address;
  if (inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
  address.bits = 128;
  if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

bool IsIpAddress(std::string_view text) {
  const size_t percent = text.find('%');
  if (percent == std::string_view::npos) return ParseIpAddress(text).has_value();
  const std::string_view zone = text.substr(percent + 1);
  constexpr size_t kLongestInterface = 15;
  const bool zone_ok = !zone.empty() && zone.size() <= kLongestInterface &&
                       std::all_of(zone.begin(), zone.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
                       });
  const std::optional<IpAddress> address = ParseIpAddress(text.substr(0, percent));
  return zone_ok && address && address->bits == 128;
}

bool IsPublic(const IpAddress& address) {
  return std::none_of(std::begin(kNotPublic), std::end(kNotPublic), [&](std::string_view text) {
    const std::optional<Network> network = ParseNetwork(text);
    if (!network || network->address.bits != address.bits) return false;
    IpAddress masked = address;
    Mask(masked, network->prefix);
    return masked.bytes == network->address.bytes;
  });
}

std::optional<Network> ParseNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  const std::optional<IpAddress> address = ParseIpAddress(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return Network{*address, address->bits};
  const std::string_view digits = text.substr(slash + 1);
  if (digits.empty() || digits.size() > 3) return std::nullopt;
  int prefix = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    prefix = prefix * 10 + (c - '0');
  }
  if (prefix > address->bits) return std::nullopt;
  return Network{*address, prefix};
}

std::string ToString(const Network& network) {
  IpAddress address = network.address;
  Mask(address, network.prefix);
  char text[INET6_ADDRSTRLEN];
  inet_ntop(address.bits == 32 ? AF_INET : AF_INET6, address.bytes.data(), text, sizeof text);
  if (network.prefix == address.bits) return text;
  return fmt::format("{}/{}", text, network.prefix);
}

}  // namespace fleetsync::inventory
