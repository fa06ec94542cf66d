#include "inventory/variables.h"

#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Setting Of(std::string_view key, std::vector<std::string> texts) {
  Setting setting{.key = FindKey(key), .words = {}, .origin = {}};
  for (std::string& text : texts) setting.words.push_back({std::move(text), {}});
  return setting;
}

TEST(Variables, EachKeyIsThereOnce) {
  std::set<std::string_view> names;
  for (const Key& key : Keys()) EXPECT_TRUE(names.insert(key.name).second) << key.name;
  EXPECT_EQ(FindKey("port")->name, "port");
  EXPECT_EQ(FindKey("prot"), nullptr);
}

TEST(Resolve, AListReplacesTheWeakerOneAndIsNotAddedToIt) {
  const std::vector<Setting> host = {Of("time.servers", {"a"})};
  const std::vector<Setting> group = {Of("time.servers", {"b", "c"})};
  Host result;
  EXPECT_THAT(Resolve(std::vector<Layer>{{"host", 0, &host}, {"group", 1, &group}}, result),
              IsEmpty());
  EXPECT_THAT(AddressesOf(result.time.servers), ElementsAre("a"));
}

TEST(Resolve, OnlyWhatDecidesIsAConflict) {
  const std::vector<Setting> host = {Of("user", {"h"})};
  const std::vector<Setting> first = {Of("user", {"x"}), Of("port", {"22"}), Of("role", {"relay"})};
  const std::vector<Setting> second = {Of("user", {"y"}), Of("port", {"23"}),
                                       Of("role", {"relay"})};
  Host result;
  const std::vector<Conflict> conflicts = Resolve(
      std::vector<Layer>{{"host", -1, &host}, {"g1", 0, &first}, {"g2", 0, &second}}, result);
  ASSERT_EQ(conflicts.size(), 1U);
  EXPECT_EQ(conflicts[0].winner->key->name, "port");
  EXPECT_EQ(conflicts[0].winner_from, "g1");
  EXPECT_EQ(conflicts[0].loser_from, "g2");
  EXPECT_EQ(result.connection.port, 22);
}

TEST(AllVariables, AddsWhatIsBuiltIn) {
  Host host;
  host.name = "web01";
  const std::vector<Setting> settings = {Of("port", {"2222"})};
  Resolve(std::vector<Layer>{{"host web01", 0, &settings}}, host);
  const std::map<std::string, Variable> all = AllVariables(host);
  EXPECT_EQ(all.at("port").text, "2222");
  EXPECT_EQ(all.at("port").from, "host web01");
  EXPECT_EQ(all.at("address").text, "web01");
  EXPECT_EQ(all.at("address").from, "built in");
  EXPECT_EQ(all.at("time.tolerance").text, "10ms");
  EXPECT_EQ(all.count("password_file"), 0U);
}

}  // namespace
}  // namespace fleetsync::inventory
