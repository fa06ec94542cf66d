#include "controller/ssh/become.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::ssh {
namespace {

using inventory::Become::kDoas;
using inventory::Become::kSudo;
using testing::HasSubstr;

constexpr const char* kPrompt = "[fleetsync-password-n0nce]";
constexpr const char* kBegin = "[fleetsync-begin-n0nce]\n";

TEST(Become, WrapsTheLineAsOneQuotedScript) {
  EXPECT_EQ(Become(kSudo, false, "n0nce").Wrap("echo 'a b'"),
            "sudo -n -- sh -c 'echo '\\''[fleetsync-begin-n0nce]'\\'' >&2\necho '\\''a b'\\'''");
  EXPECT_EQ(Become(kSudo, true, "n0nce").Wrap("id"),
            "sudo -S -p '[fleetsync-password-n0nce]' -- sh -c 'echo "
            "'\\''[fleetsync-begin-n0nce]'\\'' >&2\nid'");
  EXPECT_EQ(Become(kDoas, true, "n0nce").Wrap("id"),
            "doas -n sh -c 'echo '\\''[fleetsync-begin-n0nce]'\\'' >&2\nid'");
}

TEST(Become, WithoutAPromptThePasswordIsNeverSent) {
  Become become(kSudo, true, "n0nce");
  EXPECT_EQ(become.OnStandardError(kBegin), "");
  EXPECT_TRUE(become.begun());
  EXPECT_FALSE(become.TakeWantsPassword());
}

TEST(Become, ThePasswordIsSentOnceWhenThePromptHasCome) {
  Become become(kSudo, true, "n0nce");
  EXPECT_FALSE(become.input_at_once());
  for (const char c : std::string(kPrompt)) {
    EXPECT_FALSE(become.TakeWantsPassword());
    EXPECT_EQ(become.OnStandardError(std::string(1, c)), "");
  }
  EXPECT_TRUE(become.TakeWantsPassword());
  EXPECT_FALSE(become.TakeWantsPassword());
  EXPECT_FALSE(become.begun());
}

TEST(Become, AfterTheMarkStandardErrorIsTheCommandsOwnInWhateverPieces) {
  const std::string stream = std::string("lecture\n") + kPrompt + kBegin + "own " + kPrompt + "\n";
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    Become become(kSudo, true, "n0nce");
    std::string own = become.OnStandardError(stream.substr(0, cut));
    own += become.OnStandardError(stream.substr(cut));
    EXPECT_EQ(own, std::string("own ") + kPrompt + "\n") << cut;
    EXPECT_TRUE(become.begun());
    EXPECT_FALSE(become.refused());
  }
}

TEST(Become, ASecondPromptMeansThatThePasswordWasWrong) {
  Become become(kSudo, true, "n0nce");
  become.OnStandardError(kPrompt);
  EXPECT_TRUE(become.TakeWantsPassword());
  become.OnStandardError(std::string("\nSorry, try again.\n") + kPrompt);
  EXPECT_TRUE(become.refused());
  EXPECT_FALSE(become.TakeWantsPassword());
  EXPECT_EQ(ToString(become.WhyNot(nullptr, "ops")),
            "become: sudo did not take the password of ops; correct the password that the host's "
            "become_password_file (or _env, _command) gives");
}

TEST(Become, AnEndlessLectureIsRefused) {
  Become become(kSudo, false, "n0nce");
  become.OnStandardError(std::string(100'000, 'x'));
  EXPECT_TRUE(become.refused());
}

std::string WhyNot(inventory::Become method, bool has_password, const std::string& said) {
  Become become(method, has_password, "n0nce");
  become.OnStandardError(said);
  const Exit exit{.code = 1, .signal = ""};
  return ToString(become.WhyNot(&exit, "ops"));
}

TEST(Become, EachWayToFailHasItsNextStep) {
  EXPECT_EQ(WhyNot(kSudo, false, "sudo: a password is required\n"),
            "become: sudo: a password is required; give the host a become_password_file in the "
            "inventory, or let sudoers say 'ops ALL=(ALL) NOPASSWD: ALL'");
  EXPECT_EQ(WhyNot(kSudo, true, "\nops is not in the sudoers file.\n"),
            "become: ops is not in the sudoers file.; let sudoers say 'ops ALL=(ALL) ALL' on the "
            "host");
  EXPECT_EQ(WhyNot(kSudo, false, "sh: 1: sudo: not found\n"),
            "become: sh: 1: sudo: not found; install sudo on the host, or set become to what is "
            "there");
  EXPECT_EQ(WhyNot(kSudo, false, "sudo: sorry, you must have a tty to run sudo\n"),
            "become: sudo: sorry, you must have a tty to run sudo; let sudoers say 'Defaults:ops "
            "!requiretty'");
  EXPECT_EQ(WhyNot(kDoas, false, "doas: Authentication required\n"),
            "become: doas: Authentication required; doas asks on a terminal only: let doas.conf "
            "say 'permit nopass ops'");
  EXPECT_EQ(WhyNot(kSudo, false, ""),
            "become: sudo ended with 1 without a word; give the host a become_password_file in the "
            "inventory, or let sudoers say 'ops ALL=(ALL) NOPASSWD: ALL'");
}

TEST(Become, WhatSudoSaysCannotSteerTheTerminal) {
  EXPECT_THAT(WhyNot(kSudo, false, "\x1b]0;evil\x07\n"), HasSubstr("\\x1b]0;evil\\x07"));
}

}  // namespace
}  // namespace fleetsync::ssh
