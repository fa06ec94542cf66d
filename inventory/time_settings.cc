#include "inventory/time_settings.h"

#include "fmt/format.h"

namespace fleetsync::inventory {

std::string ToString(const TimeSource& source) {
  std::string text = source.address;
  const auto flag = [&](bool set, std::string_view word) {
    if (set) text += fmt::format(" {}", word);
  };
  const auto number = [&](const auto& value, std::string_view word) {
    if (value) text += fmt::format(" {} {}", word, *value);
  };
  const auto duration = [&](const std::optional<Duration>& value, std::string_view word) {
    if (value) text += fmt::format(" {} {}ns", word, value->count());
  };
  flag(source.prefer, "prefer");
  flag(source.trust, "trust");
  flag(source.noselect, "noselect");
  flag(source.xleave, "xleave");
  flag(source.nts, "nts");
  flag(!source.iburst, "noiburst");
  number(source.minpoll, "minpoll");
  number(source.maxpoll, "maxpoll");
  number(source.key, "key");
  duration(source.max_delay, "maxdelay");
  duration(source.offset, "offset");
  number(source.filter, "filter");
  return text;
}

std::vector<std::string> AddressesOf(const std::vector<TimeSource>& sources) {
  std::vector<std::string> addresses;
  addresses.reserve(sources.size());
  for (const TimeSource& source : sources) addresses.push_back(source.address);
  return addresses;
}

}  // namespace fleetsync::inventory
