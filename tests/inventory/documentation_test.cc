// The inventories of the pages, and the tables of docs/inventory.md, which is a reference: whatever
// they show is tried here.
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inventory/ansible_ini.h"
#include "inventory/ansible_yaml.h"
#include "inventory/fleet_yaml.h"
#include "inventory/host_set.h"
#include "inventory/select.h"
#include "inventory/servers_txt.h"
#include "inventory/ssh_config_hosts.h"
#include "inventory/variables.h"
#include "tests/inventory/texts.h"
#include "tests/pages.h"

namespace fleetsync::inventory {
namespace {

using ::testing::IsEmpty;

const std::string& Text() {
  static const std::string text = ReadPage("docs/inventory.md").text;
  return text;
}

// The cells of every row of the table with this heading; code marks are taken off.
std::vector<std::vector<std::string>> Table(std::string_view heading) {
  std::vector<std::vector<std::string>> rows;
  bool inside = false;
  for (const std::string_view line : Split(Text(), '\n')) {
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

void ExpectIsAnInventory(const Loaded& loaded, const Block& block) {
  EXPECT_TRUE(loaded.ok()) << block.where << Join(Texts(loaded.diagnostics), "\n");
  EXPECT_FALSE(loaded.inventory.hosts.empty()) << block.where;
}

TEST(Documentation, EveryBlockIsOfALanguageThatIsTriedOrOfNone) {
  const std::set<std::string> known = {"",    // what programs print, pictures
                                       "sh",  // tests/controller/cli/documentation_test.cc
                                       "yaml",
                                       "ini",  // here
                                       "servers.txt",
                                       "ssh_config"};
  for (const Page& page : Pages()) {
    for (const Block& block : BlocksOf(page)) {
      EXPECT_EQ(known.count(block.language), 1U) << block.where << ": " << block.language;
      if (!block.language.empty()) continue;
      const Loaded as_yaml = ParseFleetYaml(block.text, block.where);
      EXPECT_TRUE(!as_yaml.ok() || as_yaml.inventory.hosts.empty())
          << block.where << ": a fleet.yaml without its language";
    }
  }
}

TEST(Documentation, EveryYamlExampleIsAnInventory) {
  EXPECT_GE(BlocksIn("yaml").size(), 5U);
  for (const Block& block : BlocksIn("yaml")) {
    const Loaded loaded = IsAnsibleYaml(block.text) ? ParseAnsibleYaml(block.text, "example")
                                                    : ParseFleetYaml(block.text, "example");
    ExpectIsAnInventory(loaded, block);
    EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty()) << block.where;
  }
}

TEST(Documentation, EveryServersTxtExampleIsAnInventory) {
  EXPECT_EQ(BlocksIn("servers.txt").size(), 3U);
  for (const Block& block : BlocksIn("servers.txt"))
    ExpectIsAnInventory(ParseServersTxt(block.text, "example").loaded, block);
}

TEST(Documentation, EveryAnsibleExampleIsAnInventory) {
  EXPECT_EQ(BlocksIn("ini").size(), 1U);
  for (const Block& block : BlocksIn("ini")) {
    EXPECT_TRUE(IsAnsibleIni(block.text)) << block.where;
    ExpectIsAnInventory(ParseAnsibleIni(block.text, "example"), block);
  }
}

TEST(Documentation, EverySshConfigExampleIsAnInventory) {
  EXPECT_EQ(BlocksIn("ssh_config").size(), 1U);
  const ReadSshConfigs nothing = [](std::string_view) -> std::vector<SshConfigFile> { return {}; };
  for (const Block& block : BlocksIn("ssh_config")) {
    EXPECT_TRUE(IsSshConfig(block.text)) << block.where;
    ExpectIsAnInventory(ParseSshConfigHosts(block.text, "example", nothing), block);
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
  const Loaded loaded =
      ParseFleetYaml(BlocksOf(ReadPage("docs/inventory.md")).at(3).text, "example");
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
