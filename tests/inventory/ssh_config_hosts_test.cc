#include "inventory/ssh_config_hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/text.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Files by the pattern that an Include has.
using Included = std::map<std::string, std::string>;

Loaded Read(std::string_view text, const Included& included = {}) {
  return ParseSshConfigHosts(text, "config", [&included](std::string_view patterns) {
    std::vector<SshConfigFile> files;
    for (const std::string& pattern : QuotedWords(patterns))
      if (const auto found = included.find(pattern); found != included.end())
        files.push_back({found->first, found->second});
    return files;
  });
}

std::vector<std::string> NamesIn(const Loaded& loaded) {
  std::vector<std::string> names;
  for (const Host& host : loaded.inventory.hosts) names.push_back(host.name);
  return names;
}

TEST(SshConfigHosts, AreThePlainWordsOfHostLines) {
  const Loaded loaded = Read(R"(# mine
ForwardAgent no
Host web01 web02 *.example !db
  HostName 192.0.2.1
  User ops
host=db01
	Port = 2222
HOST "quoted" web01
Host *
  User me
Match host web*
  User other
Host 2001:db8::1 ?x
)");
  EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty());
  EXPECT_THAT(NamesIn(loaded), ElementsAre("web01", "web02", "db01", "quoted", "2001:db8::1"));
  for (const Host& host : loaded.inventory.hosts)
    EXPECT_THAT(host.variables, IsEmpty()) << "how to reach it is ssh_config's";
  EXPECT_EQ(ToString(loaded.inventory.hosts[2].origin), "config:6:1");
}

TEST(SshConfigHosts, OfIncludedFilesAreThereInTheirPlace) {
  const Loaded loaded = Read("Include one two\nHost z\nInclude three\nHost *\nInclude four\n",
                             {{"one", "Host a\nHost *\n"},
                              {"two", "Include \"deeper one\"\nHost c\n"},
                              {"deeper one", "Host b\n"},
                              {"three", "Host unread\n"},
                              {"four", "Host d\n"}});
  EXPECT_THAT(NamesIn(loaded), ElementsAre("a", "b", "c", "z", "d"));
  EXPECT_THAT(
      Texts(loaded.diagnostics),
      ElementsAre(HasSubstr("config:3:1: warning: hosts of a file that is included for some "
                            "hosts only")));
  EXPECT_EQ(ToString(loaded.inventory.hosts[1].origin), "deeper one:1:1");
}

TEST(SshConfigHosts, OfAFileThatIncludesItselfAreRefused) {
  const Loaded loaded = Read("Include me\n", {{"me", "Include me\n"}});
  EXPECT_THAT(Texts(loaded.diagnostics), ElementsAre(HasSubstr("may not include itself")));
}

TEST(SshConfigHosts, AWordThatIsNoHostNameIsSkippedWithAWarning) {
  const Loaded loaded = Read("Host git@example a\n");
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(NamesIn(loaded), ElementsAre("a"));
  EXPECT_THAT(Texts(loaded.diagnostics), ElementsAre(HasSubstr("config:1:1: warning: not a host")));
}

TEST(SshConfig, IsToldFromServersTxt) {
  for (const char* text : {"Host a", "# x\n\nHost=a\n", "\tInclude conf.d/*\n", "Match all\n",
                           "IdentityFile ~/.ssh/id\nHost a\n", "ServerAliveInterval 60\n"})
    EXPECT_TRUE(IsSshConfig(text)) << text;
  for (const char* text : {"", "# Host a", "host web01\n", "user web01\n", "ops a\n", "a\nHost b\n",
                           "Host\n", "Hosts a"})
    EXPECT_FALSE(IsSshConfig(text)) << text;
}

TEST(SshConfig, LinesAreSplitAsSshDoes) {
  for (const char* line : {"Port 22", "port=22", "  PORT\t=  22 \r"}) {
    EXPECT_EQ(SplitSshConfigLine(line).keyword, "port") << line;
    EXPECT_EQ(SplitSshConfigLine(line).rest, "22") << line;
  }
  EXPECT_EQ(SplitSshConfigLine(" # Port 22").keyword, "");
  EXPECT_EQ(SplitSshConfigLine("").keyword, "");
}

}  // namespace
}  // namespace fleetsync::inventory
