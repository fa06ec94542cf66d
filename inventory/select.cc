#include "inventory/select.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/host_set.h"

namespace fleetsync::inventory {
namespace {

// For each host of the inventory whether it is in the set.
using HostBits = std::vector<bool>;

// One item of a pattern: "@web", "&db*", "!web07".
struct Item {
  char operation = '|';  // '|' union, '&' intersection, '!' exclusion
  std::string_view text;
};

constexpr std::string_view kSeparators = ", \t\r\n";

class Selector {
 public:
  explicit Selector(const Inventory& inventory) : inventory_(inventory) {
    for (size_t i = 0; i < inventory.hosts.size(); ++i) index_.emplace(inventory.hosts[i].name, i);
  }

  HostBits None() const { return HostBits(inventory_.hosts.size(), false); }
  HostBits All() const { return HostBits(inventory_.hosts.size(), true); }

  StatusOr<HostBits> InGroup(std::string_view name) const {
    const Group* group = inventory_.FindGroup(name);
    if (group == nullptr) return UnknownGroup(name);
    HostBits bits = None();
    for (const std::string& host : group->hosts) bits[index_.at(host)] = true;
    return bits;
  }

  // Plain items together (every host when there is none), of those the ones in every '&' item,
  // without the ones in any '!' item; the items' order does not matter, as in Ansible.
  StatusOr<HostBits> Evaluate(const std::vector<std::string>& patterns) const {
    std::vector<Item> items;
    for (const std::string& pattern : patterns) FS_RETURN_IF_ERROR(AddItems(pattern, items));
    const bool all = std::none_of(items.begin(), items.end(),
                                  [](const Item& item) { return item.operation == '|'; });
    HostBits bits = all ? All() : None();
    for (const char operation : {'|', '&', '!'}) {
      for (const Item& item : items) {
        if (item.operation != operation) continue;
        FS_ASSIGN_OR_RETURN(const HostBits matched, Match(item.text));
        for (size_t i = 0; i < bits.size(); ++i) {
          if (operation == '|') bits[i] = bits[i] || matched[i];
          if (operation == '&') bits[i] = bits[i] && matched[i];
          if (operation == '!') bits[i] = bits[i] && !matched[i];
        }
      }
    }
    return bits;
  }

 private:
  static Status AddItems(std::string_view pattern, std::vector<Item>& items) {
    const size_t before = items.size();
    for (const std::string_view part : SplitOutsideBrackets(pattern, kSeparators)) {
      const std::vector<std::string_view> texts = SplitOutsideBrackets(part, "!&");
      char operation = '|';
      for (const std::string_view& text : texts) {
        // "web*!web07&@prod" is written without commas as well.
        const bool first = &text == &texts.front();
        if (!first) operation = *(text.data() - 1);
        if (!text.empty())
          items.push_back({operation, text});
        else if (!first)
          return absl::InvalidArgumentError(
              fmt::format("host pattern '{}': nothing after '{}'", Printable(pattern), operation));
      }
    }
    if (items.size() > before) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "an empty host pattern; write names, ranges (web[01-40]), globs (web*), @GROUP or all");
  }

  StatusOr<HostBits> Match(std::string_view text) const {
    if (text == "all" || text == "*") return All();
    if (text[0] == '@') return InGroup(text.substr(1));
    StatusOr<std::vector<std::string>> names = NamesOf(text);
    if (!names.ok()) return names.status();
    HostBits bits = None();
    std::vector<std::string> missing;
    bool any_glob_matched = false;
    for (const std::string& name : *names) {
      if (name.find_first_of("*?") != std::string::npos) {
        any_glob_matched = MatchGlob(name, bits) || any_glob_matched;
      } else if (const auto found = index_.find(name); found != index_.end()) {
        bits[found->second] = true;
      } else {
        missing.push_back(name);
      }
    }
    if (!missing.empty()) return UnknownHosts(missing);
    if (text.find_first_of("*?") != std::string_view::npos && !any_glob_matched)
      return absl::NotFoundError(fmt::format("no host matches '{}'", Printable(text)));
    return bits;
  }

  StatusOr<std::vector<std::string>> NamesOf(std::string_view text) const {
    if (index_.count(std::string(text)) > 0) return std::vector<std::string>{std::string(text)};
    StatusOr<std::vector<std::string>> names = ExpandRange(text);
    if (names.ok()) return names;
    return Annotate(names.status(), "host pattern");
  }

  bool MatchGlob(std::string_view pattern, HostBits& bits) const {
    bool any = false;
    for (size_t i = 0; i < inventory_.hosts.size(); ++i) {
      if (!MatchesGlob(pattern, inventory_.hosts[i].name)) continue;
      bits[i] = true;
      any = true;
    }
    return any;
  }

  Status UnknownGroup(std::string_view name) const {
    std::vector<std::string_view> names;
    for (const Group& group : inventory_.groups) names.push_back(group.name);
    const std::string_view closest = ClosestWord(name, names);
    std::string hint = "the inventory has no groups";
    if (!closest.empty())
      hint = fmt::format("did you mean '{}'?", closest);
    else if (!names.empty())
      hint = "groups are " + Join(std::vector<std::string>(names.begin(), names.end()), ", ");
    return absl::NotFoundError(
        fmt::format("no group '{}' in {}; {}", Printable(name), inventory_.path, hint));
  }

  Status UnknownHosts(const std::vector<std::string>& names) const {
    if (names.size() > 1)
      return absl::NotFoundError(
          fmt::format("no hosts {} in {}", Printable(FoldNames(names)), inventory_.path));
    const std::string& name = names.front();
    std::string hint = "fleetsync inventory list shows the hosts";
    std::vector<std::string_view> known;
    for (const Host& host : inventory_.hosts) known.push_back(host.name);
    if (inventory_.FindGroup(name) != nullptr)
      hint = fmt::format("for the group write '@{}' or --group {}", name, name);
    else if (const std::string_view closest = ClosestHost(name, known); !closest.empty())
      hint = fmt::format("did you mean '{}'?", closest);
    return absl::NotFoundError(
        fmt::format("no host '{}' in {}; {}", Printable(name), inventory_.path, hint));
  }

  // "web07" is most often short for "web07.example".
  static std::string_view ClosestHost(const std::string& name,
                                      const std::vector<std::string_view>& known) {
    const auto longer = std::find_if(known.begin(), known.end(), [&](std::string_view host) {
      return host.starts_with(name + ".");
    });
    return longer == known.end() ? ClosestWord(name, known) : *longer;
  }

  const Inventory& inventory_;
  std::unordered_map<std::string, size_t> index_;
};

}  // namespace

StatusOr<std::vector<const Host*>> Select(const Inventory& inventory, const Selection& selection) {
  if (inventory.hosts.empty())
    return absl::NotFoundError(fmt::format("{} has no hosts", inventory.path));
  const Selector selector(inventory);
  HostBits bits = selection.groups.empty() ? selector.All() : selector.None();
  for (const std::string& name : selection.groups) {
    FS_ASSIGN_OR_RETURN(const HostBits group, selector.InGroup(name));
    for (size_t i = 0; i < bits.size(); ++i) bits[i] = bits[i] || group[i];
  }
  if (!selection.limits.empty()) {
    FS_ASSIGN_OR_RETURN(const HostBits limit, selector.Evaluate(selection.limits));
    for (size_t i = 0; i < bits.size(); ++i) bits[i] = bits[i] && limit[i];
  }
  if (!selection.excludes.empty()) {
    FS_ASSIGN_OR_RETURN(const HostBits excluded, selector.Evaluate(selection.excludes));
    for (size_t i = 0; i < bits.size(); ++i) bits[i] = bits[i] && !excluded[i];
  }
  std::vector<const Host*> hosts;
  for (size_t i = 0; i < bits.size(); ++i)
    if (bits[i]) hosts.push_back(&inventory.hosts[i]);
  if (hosts.empty())
    return absl::NotFoundError(
        fmt::format("no host of {} is left after --group, --limit and --exclude", inventory.path));
  return hosts;
}

}  // namespace fleetsync::inventory
