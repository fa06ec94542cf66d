#include "proto/tls/names.h"

#include "gtest/gtest.h"

namespace fleetsync::tls {
namespace {

TEST(TlsNames, AUriSaysWhoItIsAndBack) {
  EXPECT_EQ(ToUri({Role::kHost, "web01.example"}), "fleetsync:host:web01.example");
  EXPECT_EQ(ToUri({Role::kOperator, "ann"}), "fleetsync:operator:ann");
  for (const Role role : {Role::kHost, Role::kOperator})
    for (const char* name :
         {"a", "web 01", "größe", "a:b", "%41", "\x01\xff", "fleetsync:host:x"}) {
      const Holder holder{role, name};
      EXPECT_EQ(FromUri(ToUri(holder)), holder) << name;
    }
}

TEST(TlsNames, BytesThatAUriDoesNotHaveAreEscaped) {
  EXPECT_EQ(ToUri({Role::kHost, "web 01:é%"}), "fleetsync:host:web%2001%3A%C3%A9%25");
}

TEST(TlsNames, EachNameHasOneSpelling) {
  for (const char* uri :
       {"", "fleetsync:host:", "fleetsync:Host:a", "host:a", "fleetsync:host:%61",
        "fleetsync:host:%c3", "fleetsync:host:%", "fleetsync:host:%4", "fleetsync:host:a b",
        "fleetsync:host:%G0", "https://fleetsync:host:a", "fleetsync:guest:a"})
    EXPECT_EQ(FromUri(uri), std::nullopt) << uri;
  EXPECT_EQ(FromUri("fleetsync:host:" + std::string(256, 'a')), std::nullopt);
}

TEST(TlsNames, SomeNamesAreNone) {
  EXPECT_TRUE(CheckName("a").ok());
  EXPECT_TRUE(CheckName(std::string(255, 'a')).ok());
  EXPECT_FALSE(CheckName("").ok());
  EXPECT_FALSE(CheckName(std::string(256, 'a')).ok());
}

}  // namespace
}  // namespace fleetsync::tls
