#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/facts/facts.h"

namespace fleetsync::doctor {

// One line of a configuration file, without its comment.
struct ConfigLine {
  std::string where;                    // "/etc/ntp.conf:12"
  std::vector<std::string_view> words;  // of the file's content, never empty

  std::string Text() const;  // the words, one space apart
  bool Has(std::string_view word) const;
  std::string_view After(std::string_view word) const;  // the word behind it; empty: none
};

// The lines in force of the daemon that is to keep the clock: its file, and those that
// distributions include from it.
std::vector<ConfigLine> ConfigLines(const facts::Facts& facts);

// The daemon that runs; when none does, the one that starts at boot, or the only one that is
// installed. Null when none is.
const facts::DaemonFact* Keeper(const facts::Facts& facts);

// A time source that a line names, as it is written there.
struct NamedSource {
  std::string where;
  std::string address;  // a name or an IP address
};
std::vector<NamedSource> NamedSources(const facts::Facts& facts);

bool IsIpAddress(std::string_view text);

}  // namespace fleetsync::doctor
