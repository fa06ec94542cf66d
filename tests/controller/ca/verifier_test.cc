#include "controller/ca/verifier.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/time_text.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "proto/tls/certificate.h"
#include "proto/tls/key.h"
#include "tests/controller/ca/authority_of.h"

namespace fleetsync::ca {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class VerifierTest : public AuthorityTest {
 protected:
  VerifierTest() : verifier_(*authority_->MakeVerifier()) {}

  // What both sides are told.
  std::string Refusal(std::string_view pem) {
    const Status status = verifier_->Verify(pem, now_).status();
    EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
    EXPECT_EQ(Message(status).find('\n'), std::string::npos);
    return Message(status);
  }
  std::string SerialOf(std::string_view pem) {
    return tls::SerialOf(tls::ParseCertificate(pem)->get());
  }

  std::unique_ptr<Verifier> verifier_;
};

TEST_F(VerifierTest, SaysWhoItIs) {
  const Identity host = *authority_->IssueHost("web01");
  const StatusOr<Peer> peer = verifier_->Verify(host.certificate, now_);
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(peer->role, tls::Role::kHost);
  EXPECT_EQ(peer->name, "web01");
  EXPECT_EQ(peer->serial, SerialOf(host.certificate));
  EXPECT_EQ(peer->expires, now_ + 30 * 24h);
  EXPECT_EQ(verifier_->Verify(authority_->IssueOperator("ann")->certificate, now_)->role,
            tls::Role::kOperator);
}

TEST_F(VerifierTest, WithoutACertificateNobodyIsLetIn) {
  EXPECT_THAT(Refusal(""), HasSubstr("no certificate: hosts get theirs with"));
  EXPECT_THAT(Refusal("garbage"), HasSubstr("no readable certificate"));
}

TEST_F(VerifierTest, AnotherAuthoritysIsRefused) {
  const std::string pem = Stranger()->IssueHost("web01")->certificate;
  EXPECT_EQ(Refusal(pem),
            fmt::format("certificate {} (/CN=web01) is not of this fleet's authority; hosts get "
                        "theirs with `fleetsync agent install`",
                        SerialOf(pem)));
}

// One that names our authority as its issuer, but is not signed by it.
TEST_F(VerifierTest, AForgeryIsRefused) {
  const Issuer forger{.key = *tls::MakeKey(),
                      .certificate = *tls::ParseCertificate(authority_->certificate())};
  const tls::KeyPtr key = *tls::MakeKey();
  const auto forged = MakeFor({tls::Role::kHost, "web01"}, now_ + 24h, key.get(), forger);
  ASSERT_TRUE(forged.ok()) << forged.status();
  EXPECT_THAT(Refusal(tls::CertificatePem(forged->get())),
              HasSubstr("is not of this fleet's authority"));
}

TEST_F(VerifierTest, TheAuthorityAndTheControllerAreNobody) {
  EXPECT_THAT(Refusal(authority_->certificate()), HasSubstr("is not one to connect with"));
  EXPECT_THAT(Refusal(authority_->ServerIdentity()->certificate),
              HasSubstr("is not one to connect with"));
}

TEST_F(VerifierTest, ExpiredByTheControllersClock) {
  const std::string pem = authority_->IssueHost("web01")->certificate;
  const SystemTime expires = now_ + 30 * 24h;
  now_ = expires;
  EXPECT_TRUE(verifier_->Verify(pem, now_).ok());
  now_ = expires + 1s;
  EXPECT_EQ(Refusal(pem),
            fmt::format("certificate {} of host 'web01' expired at {}, and it is {} by the "
                        "controller's clock; give it a new one with `fleetsync agent install "
                        "--limit web01`",
                        SerialOf(pem), FormatTime(expires), FormatTime(now_)));
}

TEST_F(VerifierTest, NotValidYetByTheControllersClock) {
  const std::string pem = authority_->IssueHost("web01")->certificate;
  now_ = SystemTime(-1s);
  EXPECT_THAT(Refusal(pem), HasSubstr("is not valid before 1970-01-01T00:00:00Z"));
}

TEST_F(VerifierTest, RevokedCountsAtOnceAlsoForOpenConnections) {
  const std::string pem = authority_->IssueHost("web01")->certificate;
  const Peer peer = *verifier_->Verify(pem, now_);
  EXPECT_TRUE(verifier_->StillGood(peer, now_).ok());
  ASSERT_TRUE((*Authority::Open(Path(), Options()))->Revoke("web01").ok());  // another process
  EXPECT_EQ(Refusal(pem),
            fmt::format("certificate {} of host 'web01' was revoked at {}; give it a new one with "
                        "`fleetsync agent install --limit web01`",
                        SerialOf(pem), FormatTime(now_)));
  EXPECT_THAT(Message(verifier_->StillGood(peer, now_)), HasSubstr("was revoked at"));
  EXPECT_TRUE(verifier_->Verify(authority_->IssueHost("web01")->certificate, now_).ok())
      << "a new one is good";
}

TEST_F(VerifierTest, AnOpenConnectionEndsWhenItsCertificateDoes) {
  const Peer peer = *verifier_->Verify(authority_->IssueHost("web01")->certificate, now_);
  EXPECT_TRUE(verifier_->StillGood(peer, now_ + 29 * 24h).ok());
  EXPECT_TRUE(absl::IsUnauthenticated(verifier_->StillGood(peer, now_ + 31 * 24h)));
  EXPECT_TRUE(verifier_->StillGood(LocalOperator(), now_ + 999 * 24h).ok());
}

TEST_F(VerifierTest, WithoutItsRegisterNobodyIsLetIn) {
  const std::string pem = authority_->IssueHost("web01")->certificate;
  ASSERT_TRUE(verifier_->Verify(pem, now_).ok());
  std::ofstream(Path() + "/register", std::ios::app) << "rubbish\n";
  const Status status = verifier_->Verify(pem, now_).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("register: damaged, restore it from a backup: line 2 "
                                         "'rubbish' is not one of the register"));
}

TEST_F(VerifierTest, RenewalIsDueWhenAThirdOfTheLifeIsLeft) {
  const Peer peer = *verifier_->Verify(authority_->IssueHost("web01")->certificate, now_);
  EXPECT_FALSE(verifier_->RenewalDue(peer, now_ + 20 * 24h));
  EXPECT_TRUE(verifier_->RenewalDue(peer, now_ + 20 * 24h + 1s));
  EXPECT_FALSE(verifier_->RenewalDue(LocalOperator(), now_));

  AuthorityOptions quick = Options();
  quick.host_life = 3h;
  const auto pem = (*Authority::Open(Path(), quick))->IssueHost("web02")->certificate;
  const Peer soon = *verifier_->Verify(pem, now_);
  EXPECT_FALSE(verifier_->RenewalDue(soon, now_ + 2h));
  EXPECT_TRUE(verifier_->RenewalDue(soon, now_ + 2h + 1s));
}

}  // namespace
}  // namespace fleetsync::ca
