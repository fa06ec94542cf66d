#include "inventory/time_graph.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/host_set.h"

namespace fleetsync::inventory {
namespace {

constexpr int kSourcesOfAPool = 4;     // maxsources of chrony.conf(5)
constexpr int kLeastLocalStratum = 5;  // above any that upstreams on the Internet have

// Public services that spread a leap second over a day, by their operators' documentation: Google,
// Meta, Amazon.
bool Smears(std::string_view name) {
  constexpr std::string_view kServices[] = {"google.com", "android.com", "facebook.com", "aws.com"};
  if (name == "169.254.169.123" || name == "fd00:ec2::123" || name == "metadata.google.internal")
    return true;
  if (!name.starts_with("time")) return false;
  return std::any_of(std::begin(kServices), std::end(kServices), [&](std::string_view service) {
    return name.ends_with(service) && name.size() > service.size() &&
           name[name.size() - service.size() - 1] == '.';
  });
}

class GraphChecker {
 public:
  explicit GraphChecker(const Inventory& inventory) : inventory_(inventory) {
    for (const Host& host : inventory.hosts) {
      by_name_.emplace(host.name, &host);
      if (!host.connection.address.empty()) by_name_.emplace(host.connection.address, &host);
    }
  }

  Diagnostics Run(const std::vector<const Host*>& hosts) {
    for (const Host* host : hosts) {
      CheckCount(*host);
      CheckSmear(*host);
      CheckPeers(*host);
      if (host->role != Role::kRelay) continue;
      CheckLocalStratum(*host);
      CheckCircle(*host);
    }
    for (auto& [finding, names] : findings_)
      AddError(diagnostics_, finding.where, fmt::format("{}: {}", FoldNames(names), finding.what),
               finding.hint);
    SortByPlace(diagnostics_);
    return std::move(diagnostics_);
  }

 private:
  // Hosts that inherit the same mistake are one error.
  struct Finding {
    Origin where;
    std::string what, hint;
    bool operator<(const Finding& other) const {
      return std::tie(where.line, where.column, what) <
             std::tie(other.where.line, other.where.column, other.what);
    }
  };
  void Add(const Host& host, std::string_view key, std::string what, std::string hint) {
    const auto found = host.variables.find(std::string(key));
    const Origin& where = found == host.variables.end() ? host.origin : found->second.origin;
    // What a host does not say itself is told once, where the first of them is.
    const Finding finding{where, std::move(what), std::move(hint)};
    const auto same = std::find_if(findings_.begin(), findings_.end(), [&](const auto& known) {
      return found == host.variables.end() && known.first.what == finding.what;
    });
    (same == findings_.end() ? findings_[finding] : same->second).push_back(host.name);
  }

  static std::string_view KeyOf(const Host& host) {
    return host.role == Role::kRelay ? "time.upstreams" : "time.servers";
  }

  std::vector<TimeSource> SourcesOf(const Host& host) const {
    if (host.role == Role::kRelay) return host.time.upstreams;
    if (!host.time.servers.empty()) return host.time.servers;
    std::vector<TimeSource> relays;
    for (const Host* relay : inventory_.Relays()) relays.push_back({.address = relay->name});
    return relays;
  }

  void CheckCount(const Host& host) {
    int count = 0;
    for (const TimeSource& source : SourcesOf(host))
      if (!source.noselect) count += source.kind == TimeSource::Kind::kPool ? kSourcesOfAPool : 1;
    if (count != 2 || host.time.two_sources == TimeSettings::TwoSources::kAllow) return;
    Add(host, KeyOf(host), "two time sources: when they disagree, nothing tells which one is right",
        "have one, or three and more, or set time.two_sources to allow");
  }

  void CheckSmear(const Host& host) {
    std::vector<std::string> smeared, plain;
    for (const TimeSource& source : SourcesOf(host))
      if (!by_name_.contains(source.address))
        (Smears(source.address) ? smeared : plain).push_back(source.address);
    if (smeared.empty() || plain.empty()) return;
    Add(host, KeyOf(host),
        fmt::format("{} {} leap seconds and {} {} not: around one they are up to half a second "
                    "apart",
                    Join(smeared, ", "), smeared.size() == 1 ? "smears" : "smear",
                    Join(plain, ", "), plain.size() == 1 ? "does" : "do"),
        "use the ones or the others");
  }

  void CheckPeers(const Host& host) {
    if (host.role == Role::kRelay || host.time.peers.empty()) return;
    Add(host, "time.peers", "symmetric peers are for relays alone",
        "remove them, or give it the role relay");
  }

  void CheckLocalStratum(const Host& relay) {
    const auto& stratum = relay.time.local_stratum;
    if (!stratum || *stratum >= kLeastLocalStratum || relay.time.upstreams.empty()) return;
    Add(relay, "time.local_stratum",
        fmt::format("its own clock would be stratum {}, as good as its upstreams", *stratum),
        fmt::format("set time.local_stratum to {} or more; 10 is usual", kLeastLocalStratum));
  }

  // Down the upstreams, relay by relay, until this one comes again.
  bool Reaches(const Host& from, const Host& target, std::set<const Host*>& seen,
               std::vector<std::string>& way) const {
    way.push_back(from.name);
    for (const TimeSource& upstream : from.time.upstreams) {
      const auto found = by_name_.find(upstream.address);
      if (found == by_name_.end() || found->second->role != Role::kRelay) continue;
      if (found->second == &target) return true;
      if (seen.insert(found->second).second && Reaches(*found->second, target, seen, way))
        return true;
    }
    way.pop_back();
    return false;
  }

  void CheckCircle(const Host& relay) {
    std::set<const Host*> seen;
    std::vector<std::string> way;
    if (!Reaches(relay, relay, seen, way)) return;
    // Each circle once, from the first of its relays.
    if (*std::min_element(way.begin(), way.end()) != relay.name) return;
    way.push_back(relay.name);
    Add(relay, "time.upstreams",
        fmt::format("relays take their time from one another: {}", Join(way, " from ")),
        "name upstreams outside, or time.peers");
  }

  const Inventory& inventory_;
  std::map<std::string, const Host*, std::less<>> by_name_;
  std::map<Finding, std::vector<std::string>> findings_;
  Diagnostics diagnostics_;
};

}  // namespace

Diagnostics CheckTimeGraph(const Inventory& inventory, const std::vector<const Host*>& hosts) {
  return GraphChecker(inventory).Run(hosts);
}

}  // namespace fleetsync::inventory
