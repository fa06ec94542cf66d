#include "base/secret.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include "fmt/format.h"
#include "gtest/gtest.h"

namespace fleetsync {
namespace {

template <class T>
concept Streamable = requires(std::ostream& out, const T& value) {
  out << value;
};

TEST(Secret, CannotBePrintedOrCopiedByAccident) {
  static_assert(!Streamable<Secret>);
  static_assert(!fmt::is_formattable<Secret>::value);
  static_assert(!std::is_copy_constructible_v<Secret>);
  static_assert(!std::is_copy_assignable_v<Secret>);
  static_assert(!std::is_convertible_v<Secret, std::string>);
  static_assert(!std::is_convertible_v<std::string, Secret>);
}

TEST(Secret, MovingLeavesNothingBehind) {
  for (const char* text : {"short", "a passphrase longer than what a string keeps inside itself"}) {
    Secret from{std::string(text)};
    Secret to = std::move(from);
    EXPECT_EQ(to.Reveal(), text);
    EXPECT_TRUE(from.empty());
    Secret assigned;
    assigned = std::move(to);
    EXPECT_EQ(assigned.Reveal(), text);
    EXPECT_TRUE(to.empty());
  }
}

TEST(Secret, AssigningToItselfKeepsIt) {
  Secret secret(std::string("s3cret"));
  Secret& same = secret;
  secret = std::move(same);
  EXPECT_EQ(secret.Reveal(), "s3cret");
}

TEST(Secret, ACloneIsItsOwn) {
  Secret secret(std::string("s3cret"));
  const Secret clone = secret.Clone();
  secret = Secret();
  EXPECT_EQ(clone.Reveal(), "s3cret");
}

TEST(WipeString, OverwritesWhatAnEarlierLongerValueLeft) {
  std::string bytes = "a long passphrase that lives on the heap";
  const size_t capacity = bytes.capacity();
  bytes = "short";
  ASSERT_EQ(bytes.capacity(), capacity);
  WipeString(bytes);
  EXPECT_TRUE(bytes.empty());
  ASSERT_EQ(bytes.capacity(), capacity);  // the same memory, so all of it may be looked at
  EXPECT_EQ(std::count(bytes.data(), bytes.data() + capacity, '\0'),
            static_cast<ptrdiff_t>(capacity));
}

}  // namespace
}  // namespace fleetsync
