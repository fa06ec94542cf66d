#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "inventory/load.h"

namespace fleetsync::inventory {

// A line of ssh_config(5): "Port 22", "port=22", "Port = 22".
struct SshConfigLine {
  std::string keyword;  // in lower case; empty: there is none, or a comment
  std::string_view rest;
};
SshConfigLine SplitSshConfigLine(std::string_view line);

// The files that the words behind Include stand for.
using ReadSshConfigs = std::function<std::vector<SshConfigFile>(std::string_view patterns)>;

// Whether the text is an ssh_config: its first line of substance begins with a keyword as ssh's
// manual writes it ("Host"; servers.txt may have a user "host").
bool IsSshConfig(std::string_view text);

// The hosts that an ssh_config names: every word of its Host lines that is no pattern, those of
// included files too. How to reach them is left to ssh_config itself.
Loaded ParseSshConfigHosts(std::string_view text, const std::string& file,
                           const ReadSshConfigs& read_included);

}  // namespace fleetsync::inventory
