#include "controller/ui/fold.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::ui {
namespace {

using testing::ElementsAre;

TEST(Fold, HostsThatSayTheSameStandTogetherTheLargestGroupFirst) {
  const std::vector<HostText> texts = {{"db01", "refused"},
                                       {"web03", "ok"},
                                       {"web01", "ok"},
                                       {"web02", "ok"},
                                       {"app01", "timed out"}};
  const std::vector<Folded> folded = Fold(texts);
  ASSERT_EQ(folded.size(), 3u);
  EXPECT_EQ(folded[0].names, "web[01-03]");
  EXPECT_EQ(folded[0].text, "ok");
  EXPECT_THAT(folded[0].hosts, ElementsAre("web01", "web02", "web03"));
  EXPECT_EQ(folded[1].names, "app01") << "equal sizes: by name";
  EXPECT_EQ(folded[2].names, "db01");
}

TEST(Fold, NothingGivesNothing) { EXPECT_TRUE(Fold({}).empty()); }

TEST(Fold, AHostWithoutTextIsAGroupToo) {
  const std::vector<HostText> texts = {{"a", ""}, {"b", ""}};
  const std::vector<Folded> folded = Fold(texts);
  ASSERT_EQ(folded.size(), 1u);
  EXPECT_EQ(folded[0].text, "");
  EXPECT_THAT(folded[0].hosts, ElementsAre("a", "b"));
}

}  // namespace
}  // namespace fleetsync::ui
