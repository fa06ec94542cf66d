#include "inventory/host_set.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::inventory {
namespace {

using ::testing::ElementsAre;

using Names = std::vector<std::string>;

struct RangeCase {
  std::string_view pattern, names;  // names: separated by blanks
};
class Range : public ::testing::TestWithParam<RangeCase> {};

TEST_P(Range, StandsForTheseNames) {
  const StatusOr<Names> names = ExpandRange(GetParam().pattern);
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_EQ(Join(*names, " "), GetParam().names);
}

INSTANTIATE_TEST_SUITE_P(
    Corners, Range,
    ::testing::Values(RangeCase{"web", "web"}, RangeCase{"web[1-3]", "web1 web2 web3"},
                      RangeCase{"web[01-03].example", "web01.example web02.example web03.example"},
                      RangeCase{"web[01:03]", "web01 web02 web03"},  // Ansible's form
                      RangeCase{"[1-2].web", "1.web 2.web"},         //
                      RangeCase{"web[9-11]", "web9 web10 web11"},    // not padded
                      RangeCase{"web[09-11]", "web09 web10 web11"},  //
                      RangeCase{"web[098-101]", "web098 web099 web100 web101"},
                      RangeCase{"web[99-101]", "web99 web100 web101"},    //
                      RangeCase{"web[08-101/46]", "web08 web54 web100"},  // wider than its padding
                      RangeCase{"web[0-2]", "web0 web1 web2"},       // a lone zero is no padding
                      RangeCase{"web[00-02]", "web00 web01 web02"},  //
                      RangeCase{"web[5-5]", "web5"},                 //
                      RangeCase{"web[1-9/2]", "web1 web3 web5 web7 web9"},  //
                      RangeCase{"web[1:9:4]", "web1 web5 web9"},            //
                      RangeCase{"web[1-9/100]", "web1"},                    //
                      RangeCase{"web[1,3,5-7]", "web1 web3 web5 web6 web7"},
                      RangeCase{"web[1, 3]", "web1 web3"},      //
                      RangeCase{"web[03,1]", "web03 web1"},     // each item has its own padding
                      RangeCase{"db-[a-c]", "db-a db-b db-c"},  //
                      RangeCase{"db-[a,x]", "db-a db-x"},       //
                      RangeCase{"rack[1-2]-n[01-02]", "rack1-n01 rack1-n02 rack2-n01 rack2-n02"},
                      RangeCase{"198.18.1.[9-11]", "198.18.1.9 198.18.1.10 198.18.1.11"}));

struct RefusedCase {
  std::string_view pattern, why;
};
class RefusedRange : public ::testing::TestWithParam<RefusedCase> {};

TEST_P(RefusedRange, SaysWhy) {
  const Status status = ExpandRange(GetParam().pattern).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(status), GetParam().why);
}

constexpr std::string_view kUnbalanced =
    "range 'web[1-3': its brackets do not match; write NAME[01-40]";

INSTANTIATE_TEST_SUITE_P(
    Corners, RefusedRange,
    ::testing::Values(
        RefusedCase{"", "range '': nothing is written"},  //
        RefusedCase{"web[1-3", kUnbalanced},
        RefusedCase{"web1-3]", "range 'web1-3]': its brackets do not match; write NAME[01-40]"},
        RefusedCase{"w[[1]]", "range 'w[[1]]': its brackets do not match; write NAME[01-40]"},
        RefusedCase{"web[]", "range 'web[]': an empty item between its brackets"},
        RefusedCase{"web[1,,2]", "range 'web[1,,2]': an empty item between its brackets"},
        RefusedCase{"web[3-1]", "range 'web[3-1]': '3-1' ends before it starts"},
        RefusedCase{"web[1-]",
                    "range 'web[1-]': '1-' is not FIRST-LAST with two numbers or two letters"},
        RefusedCase{"web[a-9]",
                    "range 'web[a-9]': 'a-9' is not FIRST-LAST with two numbers or two letters"},
        RefusedCase{
            "web[1-2-3]",
            "range 'web[1-2-3]': '1-2-3' is not FIRST-LAST with two numbers or two letters"},
        RefusedCase{"web[1-9/0]",
                    "range 'web[1-9/0]': '1-9/0' has no step above zero after the last separator"},
        RefusedCase{"web[1-9/x]",
                    "range 'web[1-9/x]': '1-9/x' has no step above zero after the last separator"},
        RefusedCase{"web[1:9:]",
                    "range 'web[1:9:]': '1:9:' has no step above zero after the last separator"},
        RefusedCase{"web[001-10]",
                    "range 'web[001-10]': '001-10' pads its two ends differently; "
                    "write both equally long"},
        RefusedCase{"web[1-010]",
                    "range 'web[1-010]': '1-010' pads its two ends differently; "
                    "write both equally long"},
        RefusedCase{"web[0-100000]", "range 'web[0-100000]': more than 100000 names"},
        RefusedCase{"w[1-999][1-999]", "range 'w[1-999][1-999]': more than 100000 names"},
        RefusedCase{"w[1-90000,1-90000]", "range 'w[1-90000,1-90000]': more than 100000 names"},
        RefusedCase{"w[0-999999999999999999]",
                    "range 'w[0-999999999999999999]': more than 100000 names"},
        RefusedCase{"w[0-9999999999999999999]",
                    "range 'w[0-9999999999999999999]': "
                    "'0-9999999999999999999' is not FIRST-LAST with "
                    "two numbers or two letters"}));

TEST(Range, OfExactlyTheMostNamesIsTaken) {
  const StatusOr<Names> names = ExpandRange("w[1-100000]");
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_EQ(names->size(), kMostNames);
}

struct FoldCase {
  Names names;
  std::string_view folded;
};
class Folding : public ::testing::TestWithParam<FoldCase> {};

std::set<std::string> SetOf(std::string_view folded) {
  std::set<std::string> names;
  if (folded.empty()) return names;
  for (const std::string_view part : SplitOutsideBrackets(folded, ",")) {
    const StatusOr<Names> expanded = ExpandRange(part);
    EXPECT_TRUE(expanded.ok()) << expanded.status();
    if (expanded.ok()) names.insert(expanded->begin(), expanded->end());
  }
  return names;
}

TEST_P(Folding, IsShortAndTheInverseOfExpanding) {
  const std::string folded = FoldNames(GetParam().names);
  EXPECT_EQ(folded, GetParam().folded);
  EXPECT_EQ(SetOf(folded), std::set<std::string>(GetParam().names.begin(), GetParam().names.end()));
}

INSTANTIATE_TEST_SUITE_P(
    Corners, Folding,
    ::testing::Values(
        FoldCase{{}, ""}, FoldCase{{"web"}, "web"}, FoldCase{{"web01"}, "web01"},
        FoldCase{{"web01", "web02", "web03", "db"}, "db,web[01-03]"},
        FoldCase{{"web2", "web1"}, "web[1-2]"},                      // any order
        FoldCase{{"web1", "web1"}, "web1"},                          // a set
        FoldCase{{"web1", "web3"}, "web[1,3]"},                      //
        FoldCase{{"web9", "web10", "web11"}, "web[9-11]"},           //
        FoldCase{{"web09", "web10", "web11"}, "web[09-11]"},         //
        FoldCase{{"web99", "web100"}, "web[99-100]"},                //
        FoldCase{{"web01", "web100"}, "web[01,100]"},                // outgrew its padding
        FoldCase{{"web1", "web01"}, "web1,web01"},                   // two different hosts
        FoldCase{{"web1", "web01", "web001"}, "web1,web01,web001"},  //
        FoldCase{{"web00", "web01"}, "web[00-01]"},                  //
        FoldCase{{"web0", "web1"}, "web[0-1]"},                      //
        FoldCase{{"a1.x", "a2.x", "a1.y"}, "a[1-2].x,a1.y"},         //
        FoldCase{{"web1.example", "web2.example"}, "web[1-2].example"},
        FoldCase{{"198.18.1.9", "198.18.1.10", "198.18.1.11"}, "198.18.1.[9-11]"},
        FoldCase{{"10.0.0.1", "10.0.1.1", "10.0.0.2", "10.0.1.2"}, "10.0.[0-1].[1-2]"},
        FoldCase{{"r1-n1", "r1-n2", "r2-n1", "r2-n2", "r2-n3"}, "r1-n[1-2],r2-n[1-3]"},
        FoldCase{{"r1-n1", "r2-n1", "r3-n1", "r1-n2"}, "r1-n2,r[1-3]-n1"},
        FoldCase{{"r1-n1", "r2-n2"}, "r1-n1,r2-n2"},  // no box holds just these
        FoldCase{{"2001:db8::1", "2001:db8::2"}, "2001:db8::[1-2]"},
        FoldCase{{"n123456789012345678901", "n123456789012345678902"},
                 "n123456789012345678901,n123456789012345678902"}));  // too long for a number

TEST(Folding, OfThousandsOfNamesTakesMilliseconds) {
  Names names;
  for (int rack = 0; rack < 100; ++rack)
    for (int node = 0; node < 100; ++node)
      names.push_back(fmt::format("rack{}-node{:03}.dc1.example", rack, node));
  std::shuffle(names.begin(), names.end(), std::mt19937(1));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(FoldNames(names), "rack[0-99]-node[000-099].dc1.example");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));  // also under asan
}

TEST(SplitOutsideBrackets, KeepsTheCommasOfARangeTogether) {
  EXPECT_THAT(SplitOutsideBrackets("db,web[1,3],x", ","), ElementsAre("db", "web[1,3]", "x"));
  EXPECT_THAT(SplitOutsideBrackets("", ","), ElementsAre(""));
}

struct GlobCase {
  std::string_view pattern, name;
  bool matches;
};
class Glob : public ::testing::TestWithParam<GlobCase> {};

TEST_P(Glob, MatchesTheWholeName) {
  EXPECT_EQ(MatchesGlob(GetParam().pattern, GetParam().name), GetParam().matches);
}

INSTANTIATE_TEST_SUITE_P(
    Corners, Glob,
    ::testing::Values(GlobCase{"web*", "web01", true}, GlobCase{"web*", "web", true},
                      GlobCase{"web*", "aweb", false}, GlobCase{"*", "", true},
                      GlobCase{"web?", "web1", true}, GlobCase{"web?", "web", false},
                      GlobCase{"*.example", "a.b.example", true}, GlobCase{"", "", true},
                      GlobCase{"", "a", false}, GlobCase{"a*b*c", "aXbYbZc", true},
                      GlobCase{"a*b*c", "aXbYbZ", false}, GlobCase{"**a", "ba", true},
                      GlobCase{"*?", "", false}, GlobCase{"WEB*", "web1", false}));

TEST(Glob, WithManyStarsDoesNotTakeForever) {
  std::string pattern;
  for (int i = 0; i < 40; ++i) pattern += "a*";
  EXPECT_FALSE(MatchesGlob(pattern + "b", std::string(253, 'a')));
}

}  // namespace
}  // namespace fleetsync::inventory
