#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace fleetsync::serve {

// Where agents connect to.
struct ListenAddress {
  std::string host;   // an IP address, IPv6 without brackets
  uint16_t port = 0;  // 0: any free one
  bool loopback = false;

  std::string ToString() const;  // "127.0.0.1:7312", "[::1]:7312"
};

// "ADDRESS:PORT" with a numeric address. InvalidArgument.
StatusOr<ListenAddress> ParseListenAddress(std::string_view text);

// A listening socket that does not block; the caller closes it. Two servers cannot share an
// address.
StatusOr<int> OpenListener(const ListenAddress& address);

// Without TLS anybody who reaches the port could report for any host: FailedPrecondition unless
// `insecure` is set, and for addresses that other machines reach `insecure_network` as well.
struct PlainText {
  bool insecure = false;
  bool insecure_network = false;
};
Status CheckPlainText(const ListenAddress& address, PlainText allowed);

}  // namespace fleetsync::serve
