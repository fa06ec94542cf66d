// docs/inventory.md is a reference: whatever it shows is tried here.
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inventory/fleet_yaml.h"
#include "inventory/host_set.h"
#include "inventory/select.h"
#include "inventory/servers_txt.h"
#include "inventory/variables.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using ::testing::IsEmpty;

const std::string& Page() {
  static const std::string page = [] {
    StatusOr<std::string> text = ReadFile("docs/inventory.md", size_t{1} << 20);
    EXPECT_TRUE(text.ok()) << text.status();
    return text.ok() ? *text : "";
  }();
  return page;
}

// The fenced blocks of a language.
std::vector<std::string> Blocks(std::string_view language) {
  std::vector<std::string> blocks;
  bool inside = false;
  for (const std::string_view line : Split(Page(), '\n')) {
    if (line == "```" + std::string(language)) {
      blocks.emplace_back();
      inside = true;
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      blocks.back() += std::string(line) + "\n";
    }
  }
  return blocks;
}

// The cells of every row of the table with this heading; code marks are taken off.
std::vector<std::vector<std::string>> Table(std::string_view heading) {
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  for (const std::string_view line : Split(Page(), '\n')) {
    if (line.starts_with(heading)) {
      inside = true;
    } else if (!line.starts_with('|')) {
      inside = false;
    } else if (inside && !line.starts_with("|---")) {
      std::vector<std::string>& row = rows.emplace_back();
      for (std::string_view cell : Split(line.substr(1), '|')) {
        cell = Trim(cell);
        if (cell.starts_with('`') && cell.find('`', 1) == cell.size() - 1)
          cell = cell.substr(1, cell.size() - 2);
        row.emplace_back(cell);
      }
    }
  }
  return rows;
}

TEST(Documentation, EveryYamlExampleIsAnInventory) {
  const std::vector<std::string> blocks = Blocks("yaml");
  EXPECT_EQ(blocks.size(), 3U);
  for (const std::string& block : blocks) {
    const Loaded loaded = ParseFleetYaml(block, "example");
    EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty()) << block;
    EXPECT_FALSE(loaded.inventory.hosts.empty()) << block;
  }
}

TEST(Documentation, EveryServersTxtExampleIsAnInventory) {
  const std::vector<std::string> blocks = Blocks("servers.txt");
  EXPECT_EQ(blocks.size(), 3U);
  for (const std::string& block : blocks) {
    const Loaded loaded = ParseServersTxt(block, "example").loaded;
    EXPECT_TRUE(loaded.ok()) << block << Join(Texts(loaded.diagnostics), "\n");
    EXPECT_FALSE(loaded.inventory.hosts.empty()) << block;
  }
}

TEST(Documentation, EveryKeyIsThereWithWhatIsBuiltInAndAnExampleThatWorks) {
  std::set<std::string> documented;
  for (const std::vector<std::string>& row : Table("| key | value |")) {
    ASSERT_GE(row.size(), 5U);
    const std::string& key = row[0];
    documented.insert(key);
    const Key* known = FindKey(key);
    ASSERT_NE(known, nullptr) << key;
    EXPECT_EQ(row[2], known->built_in) << key;
    const bool of_time = key.starts_with("time.");
    const Loaded loaded = ParseFleetYaml(
        of_time ? "hosts:\n  h: {time: {" + row[3] + "}}\n" : "hosts:\n  h: {" + row[3] + "}\n",
        key);
    EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty());
    ASSERT_EQ(loaded.inventory.hosts.size(), 1U) << key;
    EXPECT_EQ(loaded.inventory.hosts[0].variables.count(key), 1U) << key;
  }
  for (const Key& key : Keys()) EXPECT_EQ(documented.count(std::string(key.name)), 1U) << key.name;
}

TEST(Documentation, EveryRangeStandsForWhatItSays) {
  const auto rows = Table("| written | stands for |");
  EXPECT_EQ(rows.size(), 7U);
  for (const std::vector<std::string>& row : rows) {
    const StatusOr<std::vector<std::string>> names = ExpandRange(row.at(0));
    ASSERT_TRUE(names.ok()) << names.status();
    EXPECT_EQ(Join(*names, ", "), row.at(1).substr(0, row.at(1).find(" ("))) << row.at(0);
  }
}

TEST(Documentation, EveryPatternChoosesWhatItSays) {
  const Loaded loaded = ParseFleetYaml(Blocks("yaml").at(0), "example");
  const auto rows = Table("| pattern | hosts |");
  EXPECT_EQ(rows.size(), 4U);
  for (const std::vector<std::string>& row : rows) {
    const std::string pattern = row.at(0).substr(1, row.at(0).size() - 2);
    const StatusOr<std::vector<const Host*>> hosts =
        Select(loaded.inventory, {.groups = {}, .limits = {pattern}, .excludes = {}});
    ASSERT_TRUE(hosts.ok()) << hosts.status();
    std::vector<std::string> names;
    for (const Host* host : *hosts) names.push_back(host->name);
    EXPECT_EQ(FoldNames(names), row.at(1)) << pattern;
  }
}

}  // namespace
}  // namespace fleetsync::inventory
