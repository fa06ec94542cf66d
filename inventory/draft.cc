#include "inventory/draft.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "fmt/format.h"
#include "inventory/group_order.h"
#include "inventory/host_set.h"

namespace fleetsync::inventory {
namespace {

class Builder {
 public:
  Builder(Draft draft, Diagnostics& diagnostics)
      : draft_(std::move(draft)), diagnostics_(diagnostics) {}

  Inventory Build() {
    order_ = OrderGroups(draft_.groups, diagnostics_);
    inventory_.path = draft_.path;
    CollectHosts();
    for (const DraftGroup& group : draft_.groups) {
      Group& made = inventory_.groups.emplace_back();
      made.name = group.name;
      for (const Word& child : group.children) made.children.push_back(child.text);
    }
    for (size_t i = 0; i < inventory_.hosts.size(); ++i) Inherit(i);
    WarnOfConflicts();
    return std::move(inventory_);
  }

 private:
  size_t HostIndex(std::string_view name, const Origin& origin) {
    const auto [found, is_new] = index_.try_emplace(std::string(name), inventory_.hosts.size());
    if (is_new) {
      Host& host = inventory_.hosts.emplace_back();
      host.name = found->first;
      host.origin = origin;
      direct_.emplace_back();
      entries_.push_back(nullptr);
    }
    return found->second;
  }

  void CollectEntries() {
    for (DraftHost& entry : draft_.hosts) {
      const size_t host = HostIndex(entry.name, entry.origin);
      entries_[host] = &entry;
      inventory_.hosts[host].origin = entry.origin;
      inventory_.hosts[host].connection.password = std::move(entry.password);
    }
  }

  void CollectHosts() {
    if (draft_.hosts_first) CollectEntries();
    for (size_t group = 0; group < draft_.groups.size(); ++group) {
      for (const Word& word : draft_.groups[group].hosts) {
        std::vector<size_t>& direct = direct_[HostIndex(word.text, word.origin)];
        if (direct.empty() || direct.back() != group) direct.push_back(group);
      }
    }
    if (!draft_.hosts_first) CollectEntries();
  }

  // Most hosts are in the same few groups.
  const std::vector<Membership>& Memberships(const std::vector<size_t>& direct) {
    const auto found = memberships_.find(direct);
    if (found != memberships_.end()) return found->second;
    std::vector<Membership> memberships = MembershipsOf(direct, order_);
    if (draft_.precedence == Draft::Precedence::kAnsible)
      SortAsAnsible(draft_.groups, order_, memberships);
    return memberships_[direct] = std::move(memberships);
  }

  // From `level` on; it is left one above theirs.
  void AddGroupLayers(const std::vector<Membership>& memberships,
                      std::vector<Setting> DraftGroup::*settings, int& level,
                      std::vector<Layer>& layers) const {
    const int first = level;
    for (const Membership& membership : memberships) {
      const DraftGroup& group = draft_.groups[membership.group];
      layers.push_back({"group " + group.name, first + membership.level, &(group.*settings)});
      level = first + membership.level + 1;
    }
  }

  void Inherit(size_t index) {
    constexpr int kHostLevel = -1;
    Host& host = inventory_.hosts[index];
    std::vector<Layer> layers;
    if (const DraftHost* entry = entries_[index]; entry != nullptr)
      layers.push_back({"host " + host.name, kHostLevel, &entry->settings});
    const std::vector<Membership>& memberships = Memberships(direct_[index]);
    for (const Membership& membership : memberships) {
      const DraftGroup& group = draft_.groups[membership.group];
      host.groups.push_back(group.name);
      inventory_.groups[membership.group].hosts.push_back(host.name);
    }
    int level = 0;
    AddGroupLayers(memberships, &DraftGroup::settings, level, layers);
    for (const DraftLayer& layer : draft_.defaults)
      layers.push_back({layer.from, level++, &layer.settings});
    AddGroupLayers(memberships, &DraftGroup::weaker, level, layers);
    for (const DraftLayer& layer : draft_.weakest)
      layers.push_back({layer.from, level++, &layer.settings});
    for (const Conflict& conflict : Resolve(layers, host)) {
      Clash& clash = clashes_[{conflict.winner, conflict.loser}];
      clash.winner_from = conflict.winner_from;
      clash.loser_from = conflict.loser_from;
      clash.hosts.push_back(host.name);
    }
    if (!host.connection.password.empty())
      host.variables["password"] = {"(secret)", host.origin, "host " + host.name};
  }

  void WarnOfConflicts() {
    for (const auto& [settings, clash] : clashes_) {
      const auto& [winner, loser] = settings;
      AddWarning(diagnostics_, winner->origin,
                 fmt::format("{} and {} (line {}) both set '{}' for {}; {}, the later one, wins",
                             clash.winner_from, clash.loser_from, loser->origin.line,
                             winner->key->name, FoldNames(clash.hosts), clash.winner_from),
                 "set it on the hosts, or make one group a child of the other");
    }
  }

  struct Clash {
    std::string winner_from, loser_from;
    std::vector<std::string> hosts;
  };

  Draft draft_;
  Diagnostics& diagnostics_;
  GroupOrder order_;
  Inventory inventory_;
  std::unordered_map<std::string, size_t> index_;
  std::vector<std::vector<size_t>> direct_;  // for each host the groups that list it, ascending
  std::vector<const DraftHost*> entries_;    // for each host its entry, or null
  std::map<std::vector<size_t>, std::vector<Membership>> memberships_;
  std::map<std::pair<const Setting*, const Setting*>, Clash> clashes_;
};

}  // namespace

Inventory BuildInventory(Draft draft, Diagnostics& diagnostics) {
  return Builder(std::move(draft), diagnostics).Build();
}

}  // namespace fleetsync::inventory
