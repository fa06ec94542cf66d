#pragma once

#include <string>
#include <string_view>

#include "inventory/load.h"

namespace fleetsync::inventory {

struct ServersTxt {
  Loaded loaded;
  // A line looked as if it had a password, also when the line was refused.
  bool holds_passwords = false;
};

// The list of hosts that people have, a host a line: HOST, USER HOST, USER PASSWORD HOST, where
// HOST may be USER@HOST, HOST:PORT, [IPV6]:PORT and a range; docs/inventory.md has the rules.
// `file` is the name for messages. No diagnostic holds a word of a refused line: it may be a
// password.
ServersTxt ParseServersTxt(std::string_view text, const std::string& file);

}  // namespace fleetsync::inventory
