#include "controller/deploy/identity.h"

#include "base/sha256.h"
#include "controller/ca/authority.h"
#include "gtest/gtest.h"
#include "proto/tls/certificate.h"
#include "tests/controller/ca/authority_of.h"

namespace fleetsync::deploy {
namespace {

using std::chrono::hours;

class IdentityTest : public ca::AuthorityTest {
 protected:
  void SetUp() override {
    ca::AuthorityTest::SetUp();
    source_.authority = authority_->certificate();
    const auto issued = authority_->IssueHost("web01");
    ASSERT_TRUE(issued.ok()) << issued.status();
    state_ = {.complete = true,
              .authority_sha256 = Sha256Hex(issued->authority),
              .certificate = issued->certificate};
    end_ = *EndOf(issued->certificate);
  }
  bool IsGood(SystemTime now, const std::string& host = "web01") const {
    return state_.IsGood(source_, host, now);
  }
  bool IsGoodNow() const { return IsGood(end_ - hours(48)); }

  IdentitySource source_;
  IdentityState state_;
  SystemTime end_;
};

TEST_F(IdentityTest, IsGoodUntilADayBeforeItsEnd) {
  EXPECT_TRUE(IsGood(end_ - hours(24)));
  EXPECT_FALSE(IsGood(end_ - hours(24) + std::chrono::seconds(1)));
}

TEST_F(IdentityTest, IsTheHostsOwn) {
  EXPECT_FALSE(IsGood(end_ - hours(48), "web02"));
  state_.certificate = authority_->IssueOperator("web01")->certificate;
  EXPECT_FALSE(IsGoodNow());
}

TEST_F(IdentityTest, IsOfThisAuthority) {
  const auto other = ca::Authority::OpenOrCreate(folder_.File("other"));
  ASSERT_TRUE(other.ok()) << other.status();
  const auto foreign = (*other)->IssueHost("web01");
  state_.certificate = foreign->certificate;
  EXPECT_FALSE(IsGoodNow()) << "the file names this authority, and another one signed";
  state_.authority_sha256 = Sha256Hex(foreign->authority);
  EXPECT_FALSE(IsGoodNow());
}

TEST_F(IdentityTest, IsNotGoodOnceItWasRevoked) {
  EXPECT_TRUE(IsGoodNow());
  source_.revoked.insert(
      tls::ReadCertificate(tls::ParseCertificate(state_.certificate)->get()).serial);
  EXPECT_FALSE(IsGoodNow());
}

TEST_F(IdentityTest, IsNotGoodWhenAFileIsMissingOrOthersMayReadOne) {
  state_.complete = false;
  EXPECT_FALSE(IsGoodNow());
}

TEST_F(IdentityTest, WhatIsNoCertificateIsNotGood) {
  state_.certificate = "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n";
  EXPECT_FALSE(IsGoodNow());
  EXPECT_FALSE(EndOf(state_.certificate).ok());
}

}  // namespace
}  // namespace fleetsync::deploy
