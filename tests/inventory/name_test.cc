#include "inventory/name.h"

#include <string>
#include <string_view>

#include "gtest/gtest.h"

namespace fleetsync::inventory {
namespace {

std::string TextOf(const Problem& problem) {
  return problem.ok() ? "" : problem.what + "; " + problem.hint;
}

struct NameCase {
  std::string_view name, text;  // "": taken
};
class HostName : public ::testing::TestWithParam<NameCase> {};

TEST_P(HostName, IsTakenOrRefusedWithAReason) {
  EXPECT_EQ(TextOf(CheckHostName(GetParam().name)), GetParam().text);
}

constexpr std::string_view kUse = "; use letters, digits, '.', '-' and '_' only";

INSTANTIATE_TEST_SUITE_P(
    Corners, HostName,
    ::testing::Values(
        NameCase{"web01.example", ""}, NameCase{"10.0.0.1", ""}, NameCase{"2001:db8::1", ""},
        NameCase{"fe80::1%eth0", ""}, NameCase{"_srv-x.Y", ""},
        NameCase{"", "a host without a name; write a name"},
        NameCase{"all",
                 "a host cannot be called 'all', which stands for every host; choose "
                 "another name"},
        NameCase{"-oProxyCommand=x",
                 "host name '-oProxyCommand=x' begins with '-'; begin it with "
                 "a letter or a digit"},
        NameCase{".web", "host name '.web' begins with '.'; begin it with a letter or a digit"},
        NameCase{"web 1",
                 "host name 'web 1' holds ' '; use letters, digits, '.', '-' and '_' only"},
        NameCase{"$(id)",
                 "host name '$(id)' holds '$'; use letters, digits, '.', '-' and '_' only"},
        NameCase{"a'b", "host name 'a'b' holds '''; use letters, digits, '.', '-' and '_' only"},
        NameCase{"a/b", "host name 'a/b' holds '/'; use letters, digits, '.', '-' and '_' only"},
        NameCase{"a\nb",
                 "host name 'a\\nb' holds '\\n'; use letters, digits, '.', '-' and '_' only"},
        NameCase{"a:b", "host name 'a:b' holds ':'; use letters, digits, '.', '-' and '_' only"},
        NameCase{"fe80::1%$(id)",
                 "host name 'fe80::1%$(id)' holds ':'; use letters, digits, '.', '-' and '_' only"},
        NameCase{"zürich",
                 "host name 'zürich' is not ASCII; write an internationalised name in "
                 "its xn-- form"}));

TEST(HostName, OfMoreThan253CharactersIsRefused) {
  EXPECT_TRUE(CheckHostName(std::string(253, 'a')).ok());
  EXPECT_EQ(TextOf(CheckHostName(std::string(254, 'a'))),
            "a host name of 254 characters: '" + std::string(80, 'a') +
                "...'; 253 is the most that DNS allows");
}

TEST(GroupName, IsNoAddress) {
  EXPECT_TRUE(CheckGroupName("web_prod-1").ok());
  EXPECT_EQ(TextOf(CheckGroupName("2001:db8::1")),
            "group name '2001:db8::1' holds ':'" + std::string(kUse));
  EXPECT_EQ(TextOf(CheckGroupName("all")),
            "a group cannot be called 'all', which stands for every host; choose another name");
}

class User : public ::testing::TestWithParam<NameCase> {};

TEST_P(User, IsTakenOrRefusedWithAReason) {
  EXPECT_EQ(TextOf(CheckUser(GetParam().name)), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Corners, User,
    ::testing::Values(
        NameCase{"ops", ""}, NameCase{"ops@corp.example", ""}, NameCase{"CORP\\ops", ""},
        NameCase{"", "a user without a name; write a name, or leave the user out"},
        NameCase{"-l", "user '-l' begins with '-'; begin it with a letter"},
        NameCase{"a b",
                 "user 'a b' is not a login name; use letters, digits, '.', '-', '_', '@' "
                 "and '+' only"},
        NameCase{"a;b",
                 "user 'a;b' is not a login name; use letters, digits, '.', '-', '_', '@' "
                 "and '+' only"},
        NameCase{"%h",
                 "user '%h' is not a login name; use letters, digits, '.', '-', '_', '@' "
                 "and '+' only"},
        NameCase{"ops\\",
                 "user 'ops\\' is not a login name; use letters, digits, '.', '-', '_', "
                 "'@' and '+' only"}));

TEST(User, OfMoreThan128CharactersIsRefused) {
  EXPECT_EQ(TextOf(CheckUser(std::string(129, 'a'))),
            "a user name of 129 characters; 128 is the most");
}

class ProxyJump : public ::testing::TestWithParam<NameCase> {};

TEST_P(ProxyJump, IsTakenOrRefusedWithAReason) {
  EXPECT_EQ(TextOf(CheckProxyJump(GetParam().name)), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Corners, ProxyJump,
    ::testing::Values(
        NameCase{"none", ""}, NameCase{"bastion", ""}, NameCase{"ops@b1:2222,b2", ""},
        NameCase{"ops@[2001:db8::1]:22", ""}, NameCase{"", "a host without a name; write a name"},
        NameCase{"b1,", "a host without a name; write a name"},
        NameCase{"-W x", "host name '-W x' begins with '-'; begin it with a letter or a digit"},
        NameCase{"b1:0", "'0' is not a port; write 1 to 65535"},
        NameCase{"@b1", "a user without a name; write a name, or leave the user out"}));

TEST(ParsePort, TakesDecimalUpTo65535) {
  EXPECT_EQ(ParsePort("22"), 22U);
  EXPECT_EQ(ParsePort("65535"), 65535U);
  for (const char* text : {"", "0", "65536", "99999", "100000", "-1", "+1", " 22", "22 ", "0x16"})
    EXPECT_EQ(ParsePort(text), 0U) << text;
}

struct PortCase {
  std::string_view text, host, port;
  bool has_port;
};
class HostWithPort : public ::testing::TestWithParam<PortCase> {};

TEST_P(HostWithPort, IsSplit) {
  const HostAndPort parts = SplitPort(GetParam().text);
  EXPECT_EQ(parts.host, GetParam().host);
  EXPECT_EQ(parts.port, GetParam().port);
  EXPECT_EQ(parts.has_port, GetParam().has_port);
}

INSTANTIATE_TEST_SUITE_P(Corners, HostWithPort,
                         ::testing::Values(PortCase{"web01", "web01", "", false},
                                           PortCase{"web01:22", "web01", "22", true},
                                           PortCase{"web01:", "web01", "", true},
                                           PortCase{"[2001:db8::1]:22", "2001:db8::1", "22", true},
                                           PortCase{"[2001:db8::1]", "2001:db8::1", "", false},
                                           PortCase{"2001:db8::1", "2001:db8::1", "", false},
                                           PortCase{"web[01:40]", "web[01:40]", "", false},
                                           PortCase{"web[01:40]:22", "web[01:40]", "22", true},
                                           PortCase{"[1:4]:22", "[1:4]", "22", true}));

}  // namespace
}  // namespace fleetsync::inventory
