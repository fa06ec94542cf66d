#pragma once

#include <string>
#include <string_view>

namespace fleetsync::inventory {

// What is wrong with a value of the file, and what to do about it. Empty `what`: nothing.
struct Problem {
  std::string what, hint;
  bool ok() const { return what.empty(); }
};

// The rules below keep out what a shell, ssh or a path would read as something else than a name.

// A host's name or address: letters, digits and . _ - of ASCII (not - or . in front), at most 253;
// or an IP address, an IPv6 one with a zone ("fe80::1%eth0") too. "all" is taken.
Problem CheckHostName(std::string_view name);

// The same without IPv6 addresses.
Problem CheckGroupName(std::string_view name);

// A user to log in as: printable ASCII without blanks, quotes and what a shell reads, no '-' in
// front ("ops", "ops@corp.example", "CORP\ops").
Problem CheckUser(std::string_view user);

// Hops as ssh -J takes them: "[user@]host[:port],…", or "none".
Problem CheckProxyJump(std::string_view hops);

// 1 to 65535 in decimal, else 0.
unsigned ParsePort(std::string_view text);

// "host", "host:22", "[v6]:22", "v6". The port's text is "" when there is none.
struct HostAndPort {
  std::string_view host, port;
  bool has_port = false;
};
HostAndPort SplitPort(std::string_view text);

}  // namespace fleetsync::inventory
