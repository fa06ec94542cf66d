#include "inventory/group_order.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

DraftGroup GroupOf(const std::string& name, const std::vector<std::string>& children) {
  DraftGroup group;
  group.name = name;
  int column = 1;
  for (const std::string& child : children) group.children.push_back({child, {"f", 1, column++}});
  return group;
}

// "name level" of each membership.
std::vector<std::string> Names(const std::vector<Membership>& memberships,
                               const std::vector<DraftGroup>& groups) {
  std::vector<std::string> names;
  for (const Membership& membership : memberships)
    names.push_back(groups[membership.group].name + " " + std::to_string(membership.level));
  return names;
}

TEST(GroupOrder, AChildIsNearerThanItsParentAlsoWhenTheParentListsTheHost) {
  const std::vector<DraftGroup> groups = {GroupOf("prod", {"web"}), GroupOf("web", {})};
  Diagnostics diagnostics;
  const GroupOrder order = OrderGroups(groups, diagnostics);
  EXPECT_THAT(Texts(diagnostics), IsEmpty());
  EXPECT_THAT(Names(MembershipsOf({0, 1}, order), groups), ElementsAre("web 0", "prod 1"));
  EXPECT_THAT(Names(MembershipsOf({0}, order), groups), ElementsAre("prod 0"));
}

TEST(GroupOrder, OfTwoGroupsEquallyFarTheLaterIsStronger) {
  const std::vector<DraftGroup> groups = {GroupOf("a", {}), GroupOf("b", {}),
                                          GroupOf("all_a", {"a"}), GroupOf("all_b", {"b"})};
  Diagnostics diagnostics;
  const GroupOrder order = OrderGroups(groups, diagnostics);
  EXPECT_THAT(Names(MembershipsOf({0, 1}, order), groups),
              ElementsAre("b 0", "a 0", "all_b 1", "all_a 1"));
}

TEST(GroupOrder, CountsTheLongestWayUp) {
  // top holds low directly and through mid: it is still above mid.
  const std::vector<DraftGroup> groups = {GroupOf("top", {"low", "mid"}), GroupOf("mid", {"low"}),
                                          GroupOf("low", {})};
  Diagnostics diagnostics;
  const GroupOrder order = OrderGroups(groups, diagnostics);
  EXPECT_THAT(Names(MembershipsOf({2}, order), groups), ElementsAre("low 0", "mid 1", "top 2"));
}

TEST(GroupOrder, NamesTheGroupsOfACycle) {
  const std::vector<DraftGroup> groups = {GroupOf("a", {"b"}), GroupOf("b", {"c"}),
                                          GroupOf("c", {"b", "d"}), GroupOf("d", {"d"})};
  Diagnostics diagnostics;
  OrderGroups(groups, diagnostics);
  EXPECT_THAT(Texts(diagnostics),
              ElementsAre("f:1:1: group 'b' contains itself: b > c > b; remove one of these "
                          "children",
                          "f:1:1: group 'd' contains itself: d > d; remove one of these children"));
}

TEST(GroupOrder, KnowsTheClosestNameOfAnUnknownChild) {
  const std::vector<DraftGroup> groups = {GroupOf("prod", {"wbe", "db01.example"}),
                                          GroupOf("web", {})};
  Diagnostics diagnostics;
  OrderGroups(groups, diagnostics);
  EXPECT_THAT(Texts(diagnostics),
              ElementsAre("f:1:1: group 'prod' has the unknown child 'wbe'; did you mean 'web'?",
                          "f:1:2: group 'prod' has the unknown child 'db01.example'; children are "
                          "groups; name hosts under 'hosts'"));
}

TEST(GroupOrder, OfAChainOfThousandsNeedsNoDeepStack) {
  std::vector<DraftGroup> groups;
  constexpr size_t kLength = 20'000;
  for (size_t i = 0; i + 1 < kLength; ++i)
    groups.push_back(GroupOf("g" + std::to_string(i), {"g" + std::to_string(i + 1)}));
  groups.push_back(GroupOf("g" + std::to_string(kLength - 1), {}));
  Diagnostics diagnostics;
  const GroupOrder order = OrderGroups(groups, diagnostics);
  EXPECT_EQ(MembershipsOf({kLength - 1}, order).back().level, static_cast<int>(kLength) - 1);
}

}  // namespace
}  // namespace fleetsync::inventory
