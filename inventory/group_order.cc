#include "inventory/group_order.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <tuple>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::inventory {
namespace {

// Depth first over children, with an own stack: a file may nest groups deeper than ours is.
class Walk {
 public:
  Walk(const std::vector<DraftGroup>& groups, GroupOrder& order, Diagnostics& diagnostics)
      : groups_(groups), order_(order), diagnostics_(diagnostics), state_(groups.size()) {}

  void From(size_t root) {
    if (state_[root] != State::kNew) return;
    Enter(root);
    while (!path_.empty()) {
      Step& step = path_.back();
      std::vector<size_t>& children = order_.children[step.group];
      if (step.next == children.size()) {
        state_[step.group] = State::kDone;
        order_.children_first.push_back(step.group);
        path_.pop_back();
        continue;
      }
      const size_t child = children[step.next];
      if (state_[child] == State::kOnPath) {
        ReportCycle(step.group, child);
        children.erase(children.begin() + static_cast<ptrdiff_t>(step.next));
      } else {
        ++step.next;
        if (state_[child] == State::kNew) Enter(child);
      }
    }
  }

 private:
  enum class State : uint8_t { kNew, kOnPath, kDone };
  struct Step {
    size_t group, next;
  };

  void Enter(size_t group) {
    state_[group] = State::kOnPath;
    path_.push_back({group, 0});
  }

  void ReportCycle(size_t last, size_t first) {
    std::string way;
    bool on_cycle = false;
    for (const Step& step : path_) {
      on_cycle = on_cycle || step.group == first;
      if (on_cycle) way += groups_[step.group].name + " > ";
    }
    const std::vector<Word>& words = groups_[last].children;
    const auto word = std::find_if(words.begin(), words.end(), [&](const Word& candidate) {
      return candidate.text == groups_[first].name;
    });
    AddError(diagnostics_, word->origin,
             fmt::format("group {} contains itself: {}{}", Quoted(groups_[first].name), way,
                         groups_[first].name),
             "remove one of these children");
  }

  const std::vector<DraftGroup>& groups_;
  GroupOrder& order_;
  Diagnostics& diagnostics_;
  std::vector<State> state_;
  std::vector<Step> path_;
};

void ReportUnknownChild(const DraftGroup& group, const Word& child,
                        const std::vector<DraftGroup>& groups, Diagnostics& diagnostics) {
  std::vector<std::string_view> names;
  names.reserve(groups.size());
  for (const DraftGroup& one : groups) names.push_back(one.name);
  const std::string_view closest = ClosestWord(child.text, names);
  AddError(diagnostics, child.origin,
           fmt::format("group {} has the unknown child {}", Quoted(group.name), Quoted(child.text)),
           closest.empty() ? "children are groups; name hosts under 'hosts'"
                           : fmt::format("did you mean {}?", Quoted(closest)));
}

}  // namespace

GroupOrder OrderGroups(const std::vector<DraftGroup>& groups, Diagnostics& diagnostics) {
  std::map<std::string_view, size_t> index;
  for (size_t i = 0; i < groups.size(); ++i) index.emplace(groups[i].name, i);
  GroupOrder order;
  order.children.resize(groups.size());
  for (size_t i = 0; i < groups.size(); ++i) {
    for (const Word& child : groups[i].children) {
      const auto found = index.find(child.text);
      if (found == index.end()) {
        ReportUnknownChild(groups[i], child, groups, diagnostics);
        continue;
      }
      std::vector<size_t>& children = order.children[i];
      if (std::find(children.begin(), children.end(), found->second) == children.end())
        children.push_back(found->second);
    }
  }
  Walk walk(groups, order, diagnostics);
  for (size_t i = 0; i < groups.size(); ++i) walk.From(i);
  order.depth.resize(groups.size());
  for (auto group = order.children_first.rbegin(); group != order.children_first.rend(); ++group)
    for (const size_t child : order.children[*group])
      order.depth[child] = std::max(order.depth[child], order.depth[*group] + 1);
  return order;
}

std::vector<Membership> MembershipsOf(const std::vector<size_t>& direct, const GroupOrder& order) {
  constexpr int kNotIn = -1;
  std::vector<int> levels(order.children.size(), kNotIn);
  for (const size_t group : direct) levels[group] = 0;
  std::vector<Membership> memberships;
  for (const size_t group : order.children_first) {
    for (const size_t child : order.children[group])
      if (levels[child] != kNotIn) levels[group] = std::max(levels[group], levels[child] + 1);
    if (levels[group] != kNotIn) memberships.push_back({group, levels[group]});
  }
  std::sort(memberships.begin(), memberships.end(), [](const Membership& a, const Membership& b) {
    return a.level != b.level ? a.level < b.level : a.group > b.group;
  });
  return memberships;
}

void SortAsAnsible(const std::vector<DraftGroup>& groups, const GroupOrder& order,
                   std::vector<Membership>& memberships) {
  const auto rank = [&](const Membership& one) {
    const DraftGroup& group = groups[one.group];
    return std::tuple(order.depth[one.group], group.priority, std::string_view(group.name));
  };
  std::sort(memberships.begin(), memberships.end(),
            [&](const Membership& a, const Membership& b) { return rank(a) > rank(b); });
  for (size_t i = 0; i < memberships.size(); ++i) memberships[i].level = static_cast<int>(i);
}

}  // namespace fleetsync::inventory
