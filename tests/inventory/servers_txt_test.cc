#include "inventory/servers_txt.h"

#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "user:password@host:port" of each host, what is not there left out.
std::vector<std::string> Hosts(const ServersTxt& servers) {
  std::vector<std::string> hosts;
  for (const Host& host : servers.loaded.inventory.hosts) {
    std::string text = host.connection.user;
    if (!host.connection.password.empty())
      text += ":" + std::string(host.connection.password.Reveal());
    if (!text.empty()) text += "@";
    text += host.name;
    if (host.connection.port) text += fmt::format(" port {}", *host.connection.port);
    hosts.push_back(text);
  }
  return hosts;
}

struct LineCase {
  std::string_view text;
  std::vector<std::string> hosts;
};
class Servers : public ::testing::TestWithParam<LineCase> {};

TEST_P(Servers, AreReadAsPeopleWriteThem) {
  const ServersTxt servers = ParseServersTxt(GetParam().text, "servers.txt");
  EXPECT_EQ(Hosts(servers), GetParam().hosts);
  EXPECT_FALSE(HasErrors(servers.loaded.diagnostics));
}

INSTANTIATE_TEST_SUITE_P(
    Corners, Servers,
    ::testing::Values(LineCase{"", {}}, LineCase{"\n\n", {}}, LineCase{"web01", {"web01"}},
                      LineCase{"username1  server1\nusername2\tserver2\n",  // the tutorials' file
                               {"username1@server1", "username2@server2"}},
                      LineCase{"user passwd host", {"user:passwd@host"}},
                      LineCase{"web01\r\nweb02\r\n", {"web01", "web02"}},
                      LineCase{"web01\rweb02", {"web01", "web02"}},         // old Macintosh
                      LineCase{"\xef\xbb\xbfops web01\n", {"ops@web01"}},   // byte order mark
                      LineCase{"  ops \t web01  ", {"ops@web01"}},          //
                      LineCase{"ops@web01", {"ops@web01"}},                 //
                      LineCase{"ops@web01:2222", {"ops@web01 port 2222"}},  //
                      LineCase{"web01:2222", {"web01 port 2222"}},          //
                      LineCase{"ops s3cret web01:2222", {"ops:s3cret@web01 port 2222"}},
                      LineCase{"ops@corp.example@web01",
                               {"ops@corp.example@web01"}},        // the last @ separates
                      LineCase{"ops 10.0.0.5", {"ops@10.0.0.5"}},  //
                      LineCase{"[2001:db8::1]:2222", {"2001:db8::1 port 2222"}},      //
                      LineCase{"ops@[2001:db8::1]:22", {"ops@2001:db8::1 port 22"}},  //
                      LineCase{"[2001:db8::1]", {"2001:db8::1"}},                     //
                      LineCase{"ops 2001:db8::1", {"ops@2001:db8::1"}},               //
                      LineCase{"web[01-03]", {"web01", "web02", "web03"}},            //
                      LineCase{"ops web[01:02]:22", {"ops@web01 port 22", "ops@web02 port 22"}},
                      LineCase{"[1-2].example", {"1.example", "2.example"}},  //
                      LineCase{"# all of them\nweb01\n   # and\nweb02", {"web01", "web02"}},
                      LineCase{"web01 # rack 7, by the door", {"web01"}},           //
                      LineCase{"ops web01 # rack 7", {"ops@web01"}},                //
                      LineCase{"ops s3cret web01 # rack 7", {"ops:s3cret@web01"}},  //
                      LineCase{"ops web01 #rack7", {"ops@web01"}},                  //
                      LineCase{"web01 #old", {"web01"}},                            //
                      LineCase{"web01 # old", {"web01"}},            // three words, no password
                      LineCase{"ops a#b web01", {"ops:a#b@web01"}},  // part of the password
                      LineCase{"ops a# web01", {"ops:a#@web01"}},    //
                      LineCase{"ops p@ss:w/\"'$(x)* web01", {"ops:p@ss:w/\"'$(x)*@web01"}},
                      LineCase{"ops p\xe4ss web01", {"ops:p\xe4ss@web01"}}));  // Latin-1, as typed

TEST(Servers, WithPasswordsWarnOnceAFile) {
  const ServersTxt servers =
      ParseServersTxt("ops web01\nops s3cret web02\nops s3cret web[03-09]\n", "servers.txt");
  EXPECT_TRUE(servers.holds_passwords);
  EXPECT_THAT(Texts(servers.loaded.diagnostics),
              ElementsAre("servers.txt:2:5: warning: passwords in clear in this file (2); keys are "
                          "safer: ssh-copy-id USER@HOST, then remove the second word"));
}

TEST(Servers, WithoutPasswordsSayNothing) {
  const ServersTxt servers = ParseServersTxt("ops web01\nweb02 # old\n", "servers.txt");
  EXPECT_FALSE(servers.holds_passwords);
  EXPECT_THAT(servers.loaded.diagnostics, IsEmpty());
}

TEST(Servers, SetOnlyWhatTheLineHolds) {
  const ServersTxt servers = ParseServersTxt("web01\nops web02\n", "servers.txt");
  EXPECT_THAT(servers.loaded.inventory.hosts.at(0).variables, IsEmpty());
  EXPECT_EQ(servers.loaded.inventory.hosts.at(1).variables.size(), 1U);
}

TEST(Servers, TellWhereEachValueComesFromButNeverThePassword) {
  const ServersTxt servers = ParseServersTxt("\n ops s3cret web01:2222\n", "servers.txt");
  const Host* host = servers.loaded.inventory.FindHost("web01");
  ASSERT_NE(host, nullptr);
  ASSERT_EQ(host->variables.size(), 3U);
  const Variable& user = host->variables.at("user");
  EXPECT_EQ(user.text, "ops");
  EXPECT_EQ(user.from, "host web01");
  EXPECT_EQ(ToString(user.origin), "servers.txt:2:2");
  EXPECT_EQ(host->variables.at("port").text, "2222");
  EXPECT_EQ(host->variables.at("password").text, "(secret)");
}

struct BadCase {
  std::string_view text;
  std::string_view error;
  bool holds_passwords = false;
};
class BadServers : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadServers, AreRefusedWithPlaceAndHint) {
  const ServersTxt servers = ParseServersTxt(GetParam().text, "s");
  EXPECT_THAT(Texts(servers.loaded.diagnostics), ElementsAre(GetParam().error));
  EXPECT_FALSE(servers.loaded.ok());
  EXPECT_EQ(servers.holds_passwords, GetParam().holds_passwords);
}

INSTANTIATE_TEST_SUITE_P(
    Corners, BadServers,
    ::testing::Values(
        BadCase{"ops pass word web01",
                "s:1:15: 4 words, where a line has one to three; write HOST, USER HOST or USER "
                "PASSWORD HOST; a password with a blank in it needs fleet.yaml and password_file",
                true},
        BadCase{"ops #pass web01",
                "s:1:5: '#' begins a comment or a password here; put a space behind the '#' of a "
                "comment; for a password that begins with '#' use fleet.yaml and password_file",
                true},
        BadCase{"ops #pass web01 # rack 7",
                "s:1:5: '#' begins a comment or a password here; put a space behind the '#' of a "
                "comment; for a password that begins with '#' use fleet.yaml and password_file",
                true},
        BadCase{"ops web01\nroot web01",
                "s:2:6: host 'web01' is there already, in line 1; keep one of the two"},
        BadCase{"web[01-03]\nweb02",
                "s:2:1: host 'web02' is there already, in line 1; keep one of the two"},
        BadCase{"10.0.0.5 ops",
                "s:1:1: an address where the user belongs; write HOST, USER HOST or USER PASSWORD "
                "HOST: the host comes last"},
        BadCase{"10.0.0.5 ops s3cret",
                "s:1:1: an address where the user belongs; write HOST, USER HOST or USER PASSWORD "
                "HOST: the host comes last",
                true},
        BadCase{"ops root@web01",
                "s:1:5: the user is there twice, before the host and as its own "
                "word; keep one of the two"},
        BadCase{"@web01", "s:1:1: nothing before the '@'; write USER@HOST"},
        BadCase{"web01:0",
                "s:1:7: this is not a port; write HOST:PORT with a port from 1 to 65535"},
        BadCase{"web01:", "s:1:1: this is not a port; write HOST:PORT with a port from 1 to 65535"},
        BadCase{"web01:ssh",
                "s:1:7: this is not a port; write HOST:PORT with a port from 1 to 65535"},
        BadCase{"web[1-", "s:1:1: this is not a host name or a range; write ranges as NAME[01-40]"},
        BadCase{"[web]",
                "s:1:1: this looks like a section of an Ansible inventory; list the hosts "
                "alone, one a line, or write them as fleet.yaml"},
        BadCase{"[web:children]",
                "s:1:1: this looks like a section of an Ansible inventory; list the hosts alone, "
                "one a line, or write them as fleet.yaml"},
        BadCase{"ops -oProxyCommand=x",
                "s:1:5: this is not a host name; begin it with a letter or a digit"},
        BadCase{"ops web$(id)",
                "s:1:5: this is not a host name; use letters, digits, '.', '-' and '_' only"},
        BadCase{"ops s3cret pass$word",  // the columns the other way round
                "s:1:12: this is not a host name; use letters, digits, '.', '-' and '_' only",
                true},
        BadCase{"a;b web01",
                "s:1:1: this is not a login name; use letters, digits, '.', '-', '_', "
                "'@' and '+' only"},
        BadCase{"ops äöü web0/1",  // columns count characters
                "s:1:9: this is not a host name; use letters, digits, '.', '-' and '_' only", true},
        BadCase{std::string_view("web01\nw\0", 8),
                "s:2:1: a NUL byte; this is not plain text; save the file as UTF-8 text"},
        BadCase{std::string_view("\xff\xfew\0e\0b\0", 8),  // UTF-16, as Windows' editor saves it
                "s:1:1: a NUL byte; this is not plain text; save the file as UTF-8 text"}));

TEST(BadServers, AreMoreThanAFleetCanBe) {
  const ServersTxt servers = ParseServersTxt("a[1-60000]\nb[1-60000]\n", "s");
  EXPECT_THAT(Texts(servers.loaded.diagnostics),
              ElementsAre("s:2:1: more than 100000 hosts in this file; use several files"));
}

TEST(BadServers, AreAllReportedAtOnce) {
  const ServersTxt servers = ParseServersTxt("a b c d\nweb01\nweb01:0\nweb 0/1\n", "s");
  EXPECT_EQ(servers.loaded.diagnostics.size(), 3U);
  EXPECT_THAT(Hosts(servers), ElementsAre("web01"));
}

}  // namespace
}  // namespace fleetsync::inventory
