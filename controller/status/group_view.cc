#include "controller/status/group_view.h"

#include <algorithm>
#include <map>

#include "controller/status/judge.h"

namespace fleetsync::status {
namespace {

using Members = std::vector<const HostView*>;

std::vector<std::string> NamesFor(const HostView& host, By by) {
  if (by == By::kGroup)
    return host.input.groups.empty() ? std::vector<std::string>{"-"} : host.input.groups;
  if (!host.input.reading) return {"-"};
  const Reading& reading = *host.input.reading;
  const std::string& name = by == By::kRelay ? reading.source : reading.daemon;
  return {name.empty() ? "-" : name};
}

size_t DecadeOf(Duration worst_case, size_t decades) {
  size_t decade = 0;
  for (Duration limit = std::chrono::microseconds(10); decade + 1 < decades && worst_case >= limit;
       limit *= 10)
    ++decade;
  return decade;
}

GroupView ViewOf(const std::string& name, const Members& hosts) {
  GroupView group{.name = name, .summary = SummaryOf(hosts)};
  for (const HostView* host : hosts) {
    group.worst = std::min(group.worst, host->state);
    if (host->input.reading && host->state != State::kStale &&
        host->state != State::kUnsynchronised)
      ++group.decades[DecadeOf(WorstCase(*host->input.reading), group.decades.size())];
  }
  return group;
}

// a/b < c/d
bool SmallerShare(const Summary& a, const Summary& b) {
  return a.within_tolerance * b.expected < b.within_tolerance * a.expected;
}

}  // namespace

std::string_view ToString(By by) {
  switch (by) {
    case By::kRelay:
      return "relay";
    case By::kDaemon:
      return "daemon";
    case By::kGroup:
      break;
  }
  return "group";
}

std::vector<GroupView> GroupsOf(const FleetView& view, By by) {
  std::map<std::string, Members> members;
  for (const HostView& host : view.hosts)
    for (const std::string& name : NamesFor(host, by)) members[name].push_back(&host);
  std::vector<GroupView> groups;
  for (const auto& [name, hosts] : members) groups.push_back(ViewOf(name, hosts));
  std::stable_sort(groups.begin(), groups.end(), [](const GroupView& a, const GroupView& b) {
    return SmallerShare(a.summary, b.summary);
  });
  return groups;
}

}  // namespace fleetsync::status
