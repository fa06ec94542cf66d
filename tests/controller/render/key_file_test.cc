#include "controller/render/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "controller/render/heading.h"
#include "tests/controller/render/samples.h"

namespace fleetsync::render {
namespace {

using facts::Daemon;
using inventory::NtpKey;
using samples::WithKey;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

TEST(KeyFile, EachDaemonHasItsOwnWords) {
  const policy::TimePolicy text = WithKey(NtpKey::Type::kSha1, "s3cret");
  const auto chrony = KeyFile(text, Daemon::kChrony);
  ASSERT_TRUE(chrony.ok()) << chrony.status();
  EXPECT_THAT(*chrony, EndsWith("\n7 SHA1 HEX:733363726574\n"));
  EXPECT_EQ(AuthorshipOf(*chrony), Authorship::kOurs);
  EXPECT_THAT(*KeyFile(text, Daemon::kNtpClassic), EndsWith("\n7 SHA1 s3cret\n"));

  const policy::TimePolicy aes = WithKey(NtpKey::Type::kAes128, std::string(16, '\x0f'));
  const std::string digits = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
  EXPECT_THAT(*KeyFile(aes, Daemon::kChrony), EndsWith("\n7 AES128 HEX:" + digits + "\n"));
  EXPECT_THAT(*KeyFile(aes, Daemon::kNtpClassic), EndsWith("\n7 AES128CMAC " + digits + "\n"));
  EXPECT_THAT(*KeyFile(aes, Daemon::kNtpsec), EndsWith("\n7 AES-128 " + digits + "\n"));
}

TEST(KeyFile, WhatNtpdWouldReadAsSomethingElseIsRefused) {
  for (const std::string& bytes :
       {std::string("a#b#c#"), std::string("\x01\x02\x03\x04"), std::string(33, 'x')}) {
    const auto file = KeyFile(WithKey(NtpKey::Type::kMd5, bytes), Daemon::kNtpsec);
    ASSERT_FALSE(file.ok()) << *file;
    EXPECT_THAT(file.status().message(),
                AllOf(HasSubstr("web07.example"), HasSubstr("ntpsec cannot do key 7")));
  }
  // Longer than a word of text may be, so it goes as digits.
  EXPECT_THAT(*KeyFile(WithKey(NtpKey::Type::kMd5, std::string(21, 'x')), Daemon::kNtpsec),
              HasSubstr("787878"));
}

TEST(KeyFile, TheConfigurationNamesIt) {
  const policy::TimePolicy policy = WithKey(NtpKey::Type::kSha1, "s3cret");
  EXPECT_THAT(RenderTimeService(policy, samples::PlatformWith(samples::Chrony()))->text,
              HasSubstr("\nkeyfile /etc/chrony/chrony.keys\n"));
  EXPECT_THAT(RenderTimeService(policy, samples::PlatformWith(samples::Ntpsec()))->text,
              HasSubstr("\nkeys /etc/ntpsec/ntp.keys\ntrustedkey 7\n"));
  EXPECT_THAT(
      RenderTimeService(policy, samples::PlatformWith(samples::NtpClassic(),
                                                      "keys /old\ntrustedkey 1 2\ncontrolkey 2\n"))
          ->text,
      AllOf(HasSubstr("\nkeys /etc/ntp.keys\ntrustedkey 7\n"),
            testing::Not(HasSubstr("controlkey"))));
}

}  // namespace
}  // namespace fleetsync::render
