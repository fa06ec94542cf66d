#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/facts/facts.h"

namespace fleetsync::sync {

// What sets a host's clock once.
enum class Tool : uint8_t {
  kChronyc,      // the running chronyd is told to measure and step
  kChronyd,      // chronyd -q
  kNtpdate,      // ntpdate -b
  kNtpdig,       // ntpdig -S (ntpsec)
  kSntp,         // sntp -S (classic ntp)
  kNtpd,         // ntpd -gq
  kBusyboxNtpd,  // busybox ntpd -nq
  kDate,         // date -s by what was measured over SSH
};
std::string_view ToString(Tool tool);  // as the table shows it: "chronyd -q"

// The tools to try on a host, best first; empty when its clock cannot be set. kDate is last: it
// needs nothing but the measurement. `over_ssh`: kDate alone.
std::vector<Tool> ChooseTools(const facts::Facts& facts, bool over_ssh);

// A daemon that must not run while the clock is set: it holds UDP 123 or would work against it.
struct Rival {
  std::string service;
  int pid = 0;
};
std::vector<Rival> Rivals(const facts::Facts& facts);

}  // namespace fleetsync::sync
