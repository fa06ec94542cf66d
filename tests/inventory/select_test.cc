#include "inventory/select.h"

#include <string>
#include <string_view>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "inventory/fleet_yaml.h"
#include "inventory/host_set.h"

namespace fleetsync::inventory {
namespace {

constexpr std::string_view kFleet = R"(
groups:
  web: {hosts: ["web[01-10]"]}
  db: {hosts: ["db[1-3]", web01]}
  prod: {children: [web]}
  none: {children: []}
hosts: {lone: , "2001:db8::1": }
)";

// The chosen hosts folded, or the error.
std::string Chosen(const Selection& selection) {
  const Loaded loaded = ParseFleetYaml(kFleet, "fleet.yaml");
  EXPECT_TRUE(loaded.ok());
  const StatusOr<std::vector<const Host*>> hosts = Select(loaded.inventory, selection);
  if (!hosts.ok()) return Message(hosts.status());
  std::vector<std::string> names;
  for (const Host* host : *hosts) names.push_back(host->name);
  return FoldNames(names);
}

std::string Limit(std::string_view pattern) {
  return Chosen({.groups = {}, .limits = {std::string(pattern)}, .excludes = {}});
}

struct PatternCase {
  std::string_view pattern, hosts;
};
class Pattern : public ::testing::TestWithParam<PatternCase> {};

TEST_P(Pattern, ChoosesTheseHosts) { EXPECT_EQ(Limit(GetParam().pattern), GetParam().hosts); }

INSTANTIATE_TEST_SUITE_P(
    Corners, Pattern,
    ::testing::Values(PatternCase{"web03", "web03"}, PatternCase{"web03,lone", "lone,web03"},
                      PatternCase{"web03 lone", "lone,web03"},  // blanks separate too
                      PatternCase{"web[02-04]", "web[02-04]"},  //
                      PatternCase{"web[02,04],db[1-2]", "db[1-2],web[02,04]"},  //
                      PatternCase{"web*", "web[01-10]"},                        //
                      PatternCase{"web0?", "web[01-09]"},                       //
                      PatternCase{"web[0-1]?", "web[01-10]"},                   // a range of globs
                      PatternCase{"2001:db8::1", "2001:db8::1"},                //
                      PatternCase{"all", "2001:db8::1,db[1-3],lone,web[01-10]"},  //
                      PatternCase{"*", "2001:db8::1,db[1-3],lone,web[01-10]"},    //
                      PatternCase{"@db", "db[1-3],web01"},                        //
                      PatternCase{"@prod", "web[01-10]"},                // through its children
                      PatternCase{"@web,!web07", "web[01-06,08-10]"},    //
                      PatternCase{"@web!web07", "web[01-06,08-10]"},     // without the comma
                      PatternCase{"!web07,@web", "web[01-06,08-10]"},    // in any order
                      PatternCase{"@web,&@db", "web01"},                 //
                      PatternCase{"@web&@db", "web01"},                  //
                      PatternCase{"@web,@db,!web*", "db[1-3]"},          //
                      PatternCase{"@web&@db,lone", "web01"},             // unions come first
                      PatternCase{"!@web", "2001:db8::1,db[1-3],lone"},  // of every host
                      PatternCase{"&@web", "web[01-10]"},                //
                      PatternCase{"web[01-03]!web[02-03]", "web01"},     //
                      PatternCase{",web03,,", "web03"}));

class BadPattern : public ::testing::TestWithParam<PatternCase> {};

TEST_P(BadPattern, SaysWhy) { EXPECT_EQ(Limit(GetParam().pattern), GetParam().hosts); }

INSTANTIATE_TEST_SUITE_P(
    Corners, BadPattern,
    ::testing::Values(
        PatternCase{"wbe03", "no host 'wbe03' in fleet.yaml; did you mean 'web03'?"},
        PatternCase{"xyzzy",
                    "no host 'xyzzy' in fleet.yaml; fleetsync inventory list shows the hosts"},
        PatternCase{"prod",
                    "no host 'prod' in fleet.yaml; for the group write '@prod' or --group "
                    "prod"},
        PatternCase{"web[09-12]", "no hosts web[11-12] in fleet.yaml"},
        PatternCase{"@wbe", "no group 'wbe' in fleet.yaml; did you mean 'web'?"},
        PatternCase{"@xyzzy", "no group 'xyzzy' in fleet.yaml; groups are web, db, prod, none"},
        PatternCase{"@", "no group '' in fleet.yaml; groups are web, db, prod, none"},
        PatternCase{"zzz*", "no host matches 'zzz*'"},
        PatternCase{"!wbe07", "no host 'wbe07' in fleet.yaml; did you mean 'web07'?"},
        PatternCase{"web[1-",
                    "host pattern: range 'web[1-': its brackets do not match; write "
                    "NAME[01-40]"},
        PatternCase{"web*!", "host pattern 'web*!': nothing after '!'"},
        PatternCase{"!", "host pattern '!': nothing after '!'"},
        PatternCase{"web*&,db1", "host pattern 'web*&,db1': nothing after '&'"},
        PatternCase{"",
                    "an empty host pattern; write names, ranges (web[01-40]), globs (web*), "
                    "@GROUP or all"},
        PatternCase{" , ",
                    "an empty host pattern; write names, ranges (web[01-40]), globs (web*), "
                    "@GROUP or all"},
        PatternCase{"web\x1b[1-2]", "no hosts web\\x1b[1-2] in fleet.yaml"},
        PatternCase{"web01,!web01",
                    "no host of fleet.yaml is left after --group, --limit and --exclude"}));

TEST(Select, NothingGivenIsEveryHostInTheOrderOfTheFile) {
  const Loaded loaded = ParseFleetYaml(kFleet, "fleet.yaml");
  const StatusOr<std::vector<const Host*>> hosts = Select(loaded.inventory, {});
  ASSERT_TRUE(hosts.ok());
  ASSERT_EQ(hosts->size(), 15U);
  EXPECT_EQ(hosts->front()->name, "web01");
  EXPECT_EQ(hosts->back()->name, "2001:db8::1");
}

TEST(Select, GroupsAreAddedUpThenLimitedThenExcluded) {
  EXPECT_EQ(Chosen({.groups = {"web", "db"}, .limits = {}, .excludes = {}}), "db[1-3],web[01-10]");
  EXPECT_EQ(Chosen({.groups = {"web"}, .limits = {"web01", "web02"}, .excludes = {}}),
            "web[01-02]");
  EXPECT_EQ(Chosen({.groups = {"web"}, .limits = {"web0*"}, .excludes = {"web01", "web[04-09]"}}),
            "web[02-03]");
  EXPECT_EQ(Chosen({.groups = {"web"}, .limits = {"lone"}, .excludes = {}}),
            "no host of fleet.yaml is left after --group, --limit and --exclude");
  EXPECT_EQ(Chosen({.groups = {"wbe"}, .limits = {}, .excludes = {}}),
            "no group 'wbe' in fleet.yaml; did you mean 'web'?");
}

TEST(Select, SeveralLimitsAreOnePattern) {
  EXPECT_EQ(Chosen({.groups = {}, .limits = {"web0*", "!web07"}, .excludes = {}}),
            "web[01-06,08-09]");
}

TEST(Select, AMistypedExcludeIsNeverIgnored) {
  EXPECT_EQ(Chosen({.groups = {}, .limits = {}, .excludes = {"web99"}}),
            "no host 'web99' in fleet.yaml; did you mean 'web09'?");
}

TEST(Select, AShortNameIsAnsweredWithTheLongOne) {
  const Loaded loaded = ParseFleetYaml("hosts: [\"web[1-9].example\"]\n", "fleet.yaml");
  EXPECT_EQ(
      Message(
          Select(loaded.inventory, {.groups = {}, .limits = {"web7"}, .excludes = {}}).status()),
      "no host 'web7' in fleet.yaml; did you mean 'web7.example'?");
}

TEST(Select, FromAnInventoryWithoutHostsIsAnError) {
  const Loaded loaded = ParseFleetYaml("", "fleet.yaml");
  EXPECT_EQ(Message(Select(loaded.inventory, {}).status()), "fleet.yaml has no hosts");
}

}  // namespace
}  // namespace fleetsync::inventory
