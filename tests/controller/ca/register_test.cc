#include "controller/ca/register.h"

#include "gtest/gtest.h"

namespace fleetsync::ca {
namespace {

using namespace std::chrono_literals;

constexpr char kText[] =
    "issued 4a 1790000000 1792592000 fleetsync:host:web%2001\n"
    "issued 4b 1790000001 1792592001 fleetsync:operator:ann\n"
    "revoked 4a 1790000002\n";

TEST(Register, IsReadAndWritten) {
  const StatusOr<std::vector<Issued>> all = ParseRegister(kText);
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].serial, "4a");
  EXPECT_EQ((*all)[0].holder.name, "web 01");
  EXPECT_EQ((*all)[0].issued, SystemTime(1'790'000'000s));
  EXPECT_EQ((*all)[0].expires, SystemTime(1'792'592'000s));
  EXPECT_EQ((*all)[0].revoked, SystemTime(1'790'000'002s));
  EXPECT_EQ((*all)[1].revoked, std::nullopt);
  EXPECT_EQ(ParseRegister(RegisterText(*all))->size(), 2u);
  EXPECT_EQ(RegisterText(*ParseRegister(RegisterText(*all))), RegisterText(*all));
}

TEST(Register, AnUnfinishedLastLineIsNone) {
  EXPECT_EQ(ParseRegister("issued 4a 1790000000 1792592000 fleetsync:host:web01")->size(), 0u);
  EXPECT_EQ(ParseRegister("")->size(), 0u);
}

TEST(Register, SaysWhichLineIsNotIts) {
  for (const char* line :
       {"", "issued", "issued 4a x 1 fleetsync:host:a", "issued 4a 1 2 host:a", "revoked 99 1",
        "issued 4a -1 2 fleetsync:host:a", "issued  1 2 fleetsync:host:a",
        "issued 4a 1 99999999999999 fleetsync:host:a", "issued 4a 1 2 fleetsync:host:a b"}) {
    const Status status = ParseRegister(std::string(kText) + line + "\n").status();
    EXPECT_EQ(Message(status), "line 4 '" + std::string(line) + "' is not one of the register");
  }
}

}  // namespace
}  // namespace fleetsync::ca
