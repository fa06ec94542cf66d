#include "agent/serve/this_host.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "agent/net/address_text.h"
#include "agent/server/access_list.h"
#include "base/clock_read.h"
#include "proto/ntp/time.h"

namespace fleetsync::serve {
namespace {

bool HasIpv6() {
  std::error_code ignored;
  return std::filesystem::exists("/proc/net/if_inet6", ignored);
}

uint32_t Ipv4Number(const ntp::Address& address) {
  uint32_t number = 0;
  for (size_t i = 12; i < address.ip.size(); ++i) number = number << 8 | address.ip[i];
  return number;
}

}  // namespace

std::vector<ntp::Address> AllAddresses(uint16_t port) {
  std::vector<ntp::Address> addresses = {*net::ParseNumericAddress("0.0.0.0", port)};
  if (HasIpv6()) addresses.push_back(*net::ParseNumericAddress("::", port));
  return addresses;
}

uint32_t OwnReferenceId(std::span<const ntp::Address> listening) {
  for (const ntp::Address& address : listening) {
    if (server::IsIpv4(address) && Ipv4Number(address) != 0) return Ipv4Number(address);
  }
  uint32_t lowest = 0;
  ifaddrs* interfaces = nullptr;
  if (getifaddrs(&interfaces) != 0) return 0;
  for (const ifaddrs* i = interfaces; i != nullptr; i = i->ifa_next) {
    if (i->ifa_addr == nullptr || i->ifa_addr->sa_family != AF_INET) continue;
    const uint32_t number = Ipv4Number(*net::FromSocketAddress(i->ifa_addr, 0));
    if (number >> 24 != IN_LOOPBACKNET && (lowest == 0 || number < lowest)) lowest = number;
  }
  freeifaddrs(interfaces);
  return lowest;
}

int8_t MeasurePrecision() {
  Duration best = std::chrono::seconds(1);
  for (int i = 0; i < 100; ++i) {
    const SystemTime before = ReadSystemClock();
    SystemTime after = ReadSystemClock();
    while (after == before) after = ReadSystemClock();
    if (after > before) best = std::min(best, after - before);
  }
  int8_t log2 = 0;
  while (log2 > -30 && ntp::FromLog2(log2 - 1) >= best) --log2;
  return log2;
}

}  // namespace fleetsync::serve
