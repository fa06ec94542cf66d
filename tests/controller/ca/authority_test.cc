#include "controller/ca/authority.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <latch>
#include <set>
#include <thread>

#include "base/file.h"
#include "gmock/gmock.h"
#include "proto/tls/certificate.h"
#include "proto/tls/key.h"
#include "tests/controller/ca/authority_of.h"
#include "tests/kill_at_system_call.h"

namespace fleetsync::ca {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

tls::CertificateText TextOf(std::string_view pem) {
  return tls::ReadCertificate(tls::ParseCertificate(pem)->get());
}

bool HasExtension(std::string_view pem, int nid, std::string_view text) {
  const tls::CertificatePtr certificate = *tls::ParseCertificate(pem);
  const int at = X509_get_ext_by_NID(certificate.get(), nid, -1);
  if (at < 0) return text.empty();
  const tls::BioPtr out(BIO_new(BIO_s_mem()));
  X509V3_EXT_print(out.get(), X509_get_ext(certificate.get(), at), 0, 0);
  return tls::BytesOf(out.get()) == text;
}

TEST_F(AuthorityTest, FilesAreForTheirOwnerAlone) {
  ASSERT_TRUE(authority_->IssueHost("web01").ok());
  EXPECT_EQ(*FileMode(Path()), 0700u);
  for (const char* name : {"authority.pem", "controller.pem", "register", "lock"})
    EXPECT_EQ(*FileMode(Path() + "/" + name), 0600u) << name;
}

TEST_F(AuthorityTest, AKeyThatOthersMayReadIsNotUsed) {
  chmod((Path() + "/authority.pem").c_str(), 0640);
  const Status status = Authority::Open(Path()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(Message(status), HasSubstr("authority.pem has a private key and others may read it"));
}

TEST_F(AuthorityTest, IsMadeOnceAndKept) {
  const std::string& first = authority_->certificate();
  EXPECT_EQ((*Authority::OpenOrCreate(Path()))->certificate(), first);
  EXPECT_EQ((*Authority::Open(Path()))->certificate(), first);
}

TEST_F(AuthorityTest, WhereThereIsNoneItIsSaid) {
  const Status status = Authority::Open(folder_.File("none")).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(Message(status), HasSubstr("`fleetsync ca init` makes one"));
}

TEST_F(AuthorityTest, ADamagedOneIsNeverReplaced) {
  const std::string file = Path() + "/authority.pem";
  ASSERT_TRUE(WriteFileAtomically(file, "", 0600).ok());
  EXPECT_THAT(Message(Authority::OpenOrCreate(Path()).status()), HasSubstr("authority.pem: "));
  EXPECT_EQ(*ReadFile(file, 10), "");
}

TEST_F(AuthorityTest, OfManyThatMakeOneAtOnceOneDoes) {
  for (int round = 0; round < 20; ++round) {
    const std::string path = folder_.File("race" + std::to_string(round) + "/ca");
    std::vector<std::string> certificates(4);
    std::latch all_ready(4);
    {
      std::vector<std::jthread> threads;
      for (std::string& certificate : certificates)
        threads.emplace_back([&] {
          all_ready.arrive_and_wait();
          certificate = (*Authority::OpenOrCreate(path))->certificate();
        });
    }
    for (const std::string& certificate : certificates)
      ASSERT_EQ(certificate, certificates[0]) << "round " << round;
    const Identity server = *(*Authority::Open(path))->ServerIdentity();
    const tls::CertificatePtr authority = *tls::ParseCertificate(certificates[0]);
    ASSERT_EQ(X509_verify(tls::ParseCertificate(server.certificate)->get(),
                          X509_get0_pubkey(authority.get())),
              1)
        << "round " << round;
  }
}

TEST_F(AuthorityTest, AServersCertificateOfAnotherAuthorityIsNotUsed) {
  ASSERT_TRUE(Stranger()->ServerIdentity().ok());
  const std::string file = Path() + "/controller.pem";
  std::filesystem::copy_file(folder_.File("other/controller.pem"), file,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(Message(authority_->ServerIdentity().status()),
              HasSubstr("controller.pem is of another authority than"));
  std::filesystem::remove(file);
  EXPECT_TRUE((*Authority::OpenOrCreate(Path()))->ServerIdentity().ok());
}

TEST_F(AuthorityTest, AHostsCertificateSaysWhatItIsFor) {
  const Identity identity = *authority_->IssueHost("web01");
  const tls::CertificateText text = TextOf(identity.certificate);
  EXPECT_EQ(text.holder, (tls::Holder{tls::Role::kHost, "web01"}));
  EXPECT_EQ(text.not_before, SystemTime(0s));
  EXPECT_EQ(text.not_after, now_ + 30 * 24h);
  EXPECT_EQ(text.serial.size(), 32u);
  EXPECT_TRUE(
      HasExtension(identity.certificate, NID_ext_key_usage, "TLS Web Client Authentication"));
  EXPECT_TRUE(HasExtension(identity.certificate, NID_key_usage, "Digital Signature"));
  EXPECT_TRUE(HasExtension(identity.certificate, NID_basic_constraints, "CA:FALSE"));
  EXPECT_TRUE(HasExtension(identity.certificate, NID_subject_alt_name, "URI:fleetsync:host:web01"));
  EXPECT_EQ(identity.authority, authority_->certificate());
  EXPECT_TRUE(identity.certificate.ends_with(identity.authority)) << "the chain";
  const tls::KeyPtr key = *tls::ParseKey(identity.key.Reveal());
  EXPECT_EQ(X509_check_private_key(tls::ParseCertificate(identity.certificate)->get(), key.get()),
            1);
}

TEST_F(AuthorityTest, TheControllersCertificateIsValidAlways) {
  const Identity server = *authority_->ServerIdentity();
  const tls::CertificateText text = TextOf(server.certificate);
  EXPECT_EQ(text.holder, std::nullopt);
  EXPECT_EQ(text.not_before, SystemTime(0s));
  EXPECT_EQ(text.not_after, SystemTime::max());
  EXPECT_TRUE(HasExtension(server.certificate, NID_ext_key_usage, "TLS Web Server Authentication"));
  EXPECT_TRUE(HasExtension(server.certificate, NID_subject_alt_name, "DNS:fleetsync-controller"));
  EXPECT_TRUE(HasExtension(server.authority, NID_basic_constraints, "CA:TRUE, pathlen:0"));
  EXPECT_TRUE(HasExtension(server.authority, NID_key_usage, "Certificate Sign, CRL Sign"));
}

TEST_F(AuthorityTest, NamesMayBeAnythingThatAnInventoryHas) {
  for (const std::string& name :
       {std::string("web 01"), std::string("größe"), std::string("a,DNS:fleetsync-controller"),
        std::string(255, 'x'), std::string("tab\there\xff")}) {
    const StatusOr<Identity> identity = authority_->IssueHost(name);
    ASSERT_TRUE(identity.ok()) << identity.status();
    EXPECT_EQ(TextOf(identity->certificate).holder->name, name);
  }
  EXPECT_TRUE(absl::IsInvalidArgument(authority_->IssueHost("").status()));
}

TEST_F(AuthorityTest, ARequestIsSignedForWhomeverIsConnected) {
  const tls::KeyPtr key = *tls::MakeKey();
  const StatusOr<std::string> chain =
      authority_->SignRequest(*tls::MakeRequest(key.get()), "web01");
  ASSERT_TRUE(chain.ok()) << chain.status();
  EXPECT_EQ(TextOf(*chain).holder, (tls::Holder{tls::Role::kHost, "web01"}));
  EXPECT_EQ(X509_check_private_key(tls::ParseCertificate(*chain)->get(), key.get()), 1);
  EXPECT_TRUE(absl::IsInvalidArgument(authority_->SignRequest("no request", "web01").status()));
  EXPECT_EQ(authority_->Register()->size(), 1u);
}

TEST_F(AuthorityTest, TheRegisterHasWhatWasIssued) {
  ASSERT_TRUE(authority_->IssueHost("web 01").ok());
  now_ += 5s;
  ASSERT_TRUE(authority_->IssueOperator("ann").ok());
  const std::vector<Issued> all = *authority_->Register();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].holder, (tls::Holder{tls::Role::kHost, "web 01"}));
  EXPECT_EQ(all[0].expires, now_ - 5s + 30 * 24h);
  EXPECT_EQ(all[1].holder, (tls::Holder{tls::Role::kOperator, "ann"}));
  EXPECT_EQ(all[1].issued, now_);
  EXPECT_EQ(all[1].expires, now_ + 365 * 24h);
  EXPECT_NE(all[0].serial, all[1].serial);
}

TEST_F(AuthorityTest, AClockThatIsBehindIssuesNothing) {
  const SystemTime then = now_;
  now_ = SystemTime(1'000'000'000s);
  EXPECT_THAT(Message(authority_->IssueHost("web01").status()),
              HasSubstr("it is 2001-09-09T01:46:40Z by the controller's clock, before this program "
                        "was built"));
  now_ = then + 10 * 24h;
  ASSERT_TRUE(authority_->IssueHost("web01").ok());
  now_ = then + 10 * 24h - 30min;
  EXPECT_TRUE(authority_->IssueHost("web01").ok()) << "a small step back";
  now_ = then + 9 * 24h;
  const Status status = authority_->IssueHost("web02").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  const std::vector<Issued> all = *authority_->Register();
  for (const Issued& issued : all) ASSERT_TRUE(authority_->Revoke(issued.serial).ok());
  EXPECT_TRUE(authority_->IssueHost("web02").ok()) << "what the wrong clock issued is revoked";
}

TEST_F(AuthorityTest, RevokesAHostsCertificatesOrOne) {
  ASSERT_TRUE(authority_->IssueHost("web01").ok());
  ASSERT_TRUE(authority_->IssueHost("web01").ok());
  ASSERT_TRUE(authority_->IssueHost("web02").ok());
  EXPECT_EQ(authority_->Revoke("web01")->size(), 2u);
  EXPECT_TRUE(absl::IsNotFound(authority_->Revoke("web01").status())) << "none is left";
  EXPECT_TRUE(absl::IsNotFound(authority_->Revoke("nobody").status()));
  const std::vector<Issued> all = *authority_->Register();
  EXPECT_EQ(all[0].revoked, now_);
  EXPECT_EQ(all[1].revoked, now_);
  EXPECT_EQ(all[2].revoked, std::nullopt);
  EXPECT_EQ(authority_->Revoke(all[2].serial)->at(0).holder.name, "web02");
}

TEST_F(AuthorityTest, WhatExpiredLongAgoLeavesTheRegisterInTheEnd) {
  std::string old;
  for (int i = 0; i < 1000; ++i)
    old += IssuedLine({.serial = std::to_string(i),
                       .holder = {tls::Role::kHost, "web01"},
                       .issued = now_ - 200 * 24h,
                       .expires = now_ - 100 * 24h,
                       .revoked = std::nullopt});
  ASSERT_TRUE(WriteFileAtomically(Path() + "/register", old, 0600).ok());
  ASSERT_TRUE(authority_->IssueHost("web02").ok());
  const std::vector<Issued> all = *authority_->Register();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].holder.name, "web02");
}

TEST_F(AuthorityTest, ALineThatWasNotWrittenToItsEndIsNoLine) {
  ASSERT_TRUE(authority_->IssueHost("web01").ok());
  std::ofstream(Path() + "/register", std::ios::app) << "issued 4abc 17";
  EXPECT_EQ(authority_->Register()->size(), 1u);
  ASSERT_TRUE(authority_->IssueHost("web02").ok());
  const StatusOr<std::vector<Issued>> all = authority_->Register();
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->size(), 2u);
}

TEST_F(AuthorityTest, ManyThreadsIssueAtOnce) {
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        // Each its own, as processes have.
        const auto mine = *Authority::Open(Path(), Options());
        for (int i = 0; i < 10; ++i) EXPECT_TRUE(mine->IssueHost("h" + std::to_string(t)).ok());
      });
  }
  std::set<std::string> serials;
  const std::vector<Issued> all = *authority_->Register();
  for (const Issued& issued : all) serials.insert(issued.serial);
  EXPECT_EQ(serials.size(), 40u);
}

// Whoever makes an authority may be killed at any instant: the next one finds a whole one, or none
// and makes it.
TEST_F(AuthorityTest, SurvivesAKillWhileItIsMade) {
  bool killed = true;
  for (int n = 1; killed; ++n) {
    const std::string path = folder_.File("kill" + std::to_string(n));
    killed = KilledAtSystemCall(n, [&] { static_cast<void>(Authority::OpenOrCreate(path)); });
    const auto authority = Authority::OpenOrCreate(path, Options());
    ASSERT_TRUE(authority.ok()) << "killed at system call " << n << ": " << authority.status();
    EXPECT_TRUE((*authority)->ServerIdentity().ok());
  }
}

// A certificate that somebody got is in the register, and the register can always be read.
TEST_F(AuthorityTest, SurvivesAKillWhileItIssuesAndRevokes) {
  bool killed = true;
  for (int n = 1; killed; ++n) {
    const size_t before = authority_->Register()->size();
    killed = KilledAtSystemCall(n, [&] {
      static_cast<void>(authority_->IssueHost("web01"));
      static_cast<void>(authority_->Revoke("web01"));
    });
    const StatusOr<std::vector<Issued>> all = authority_->Register();
    ASSERT_TRUE(all.ok()) << "killed at system call " << n << ": " << all.status();
    EXPECT_LE(all->size(), before + 1);
    if (!killed) {
      EXPECT_NE(all->back().revoked, std::nullopt);
    }
  }
}

}  // namespace
}  // namespace fleetsync::ca
