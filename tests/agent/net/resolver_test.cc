#include "agent/net/resolver.h"

#include <poll.h>

#include "agent/net/address_text.h"
#include "gtest/gtest.h"

namespace fleetsync::net {
namespace {

std::vector<Answer> WaitForAnswers(Resolver& resolver) {
  pollfd fd{resolver.fd(), POLLIN, 0};
  EXPECT_EQ(poll(&fd, 1, 30'000), 1);
  return resolver.Take();
}

TEST(Resolver, LocalhostIsALoopbackAddressWithThePortAskedFor) {
  auto resolver = Resolver::Create();
  ASSERT_TRUE(resolver.ok());
  resolver->Ask(7, "localhost", 4123);
  const auto answers = WaitForAnswers(*resolver);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].token, 7u);
  ASSERT_FALSE(answers[0].addresses.empty()) << answers[0].error;
  EXPECT_EQ(answers[0].addresses[0].port, 4123);
  const std::string text = AddressText(answers[0].addresses[0]);
  EXPECT_TRUE(text == "127.0.0.1" || text == "::1") << text;
  EXPECT_TRUE(resolver->Take().empty());
}

TEST(Resolver, ANameThatCannotExistIsAnAnswerWithAReason) {
  auto resolver = Resolver::Create();
  ASSERT_TRUE(resolver.ok());
  resolver->Ask(1, std::string(300, 'x'), 123);
  const auto answers = WaitForAnswers(*resolver);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].addresses.empty());
  EXPECT_FALSE(answers[0].error.empty());
}

TEST(Resolver, GoesWithoutWaitingForQuestionsThatAreOpen) {
  auto resolver = Resolver::Create();
  ASSERT_TRUE(resolver.ok());
  for (uint32_t i = 0; i < 100; ++i) resolver->Ask(i, "localhost", 123);
}

}  // namespace
}  // namespace fleetsync::net
