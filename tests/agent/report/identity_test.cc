#include "agent/report/identity.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "controller/ca/authority.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/tls/certificate.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::report {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A folder as `fleetsync agent install` leaves it.
class IdentityTest : public testing::Test {
 protected:
  IdentityTest() : authority_(*ca::Authority::OpenOrCreate(folder_.File("ca"))) {
    mkdir(Tls().c_str(), 0700);
    Install(*authority_->IssueHost("web01"));
  }

  std::string Tls() const { return folder_.File("tls"); }
  void Put(const std::string& name, std::string_view text, unsigned mode) {
    ASSERT_TRUE(WriteFileAtomically(Tls() + "/" + name, text, mode).ok());
  }
  void Install(const ca::Identity& identity) {
    Put("ca.pem", identity.authority, 0644);
    Put("host.pem", identity.certificate, 0644);
    Put("host.key", identity.key.Reveal(), 0600);
  }
  std::string Why() { return Message(ReadIdentity(Tls()).status()); }
  std::string SerialNow() {
    const StatusOr<Identity> identity = ReadIdentity(Tls());
    EXPECT_TRUE(identity.ok()) << identity.status();
    return identity.ok() ? tls::SerialOf(tls::ParseCertificate(identity->certificate)->get()) : "";
  }
  // What the controller answers to it.
  std::string Answer(const Renewal& renewal, const std::string& host = "web01") {
    return *authority_->SignRequest(renewal.request_der(), host);
  }

  TemporaryFolder folder_;
  std::unique_ptr<ca::Authority> authority_;
};

TEST_F(IdentityTest, IsReadAsInstalled) {
  const StatusOr<Identity> identity = ReadIdentity(Tls());
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->host, "web01");
  EXPECT_EQ(identity->authority, authority_->certificate());
  EXPECT_GT(identity->expires, ReadSystemClock() + 29 * 24h);
}

TEST_F(IdentityTest, WhatIsMissingIsSaid) {
  for (const char* name : {"host.key", "host.pem", "ca.pem"}) {
    unlink((Tls() + "/" + name).c_str());
    EXPECT_TRUE(absl::IsNotFound(ReadIdentity(Tls()).status()));
    EXPECT_EQ(Why(), Tls() + "/" + name +
                         " is missing: `fleetsync agent install` at the controller gives this host "
                         "a certificate");
  }
}

TEST_F(IdentityTest, AKeyThatOthersMayReadIsNotUsed) {
  chmod((Tls() + "/host.key").c_str(), 0644);
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadIdentity(Tls()).status()));
  EXPECT_THAT(Why(), HasSubstr("host.key has this host's private key and others may read it: "
                               "chmod 600 it"));
}

TEST_F(IdentityTest, WhatIsDamagedIsSaid) {
  Put("host.key", authority_->IssueHost("web01")->key.Reveal(), 0600);
  EXPECT_THAT(Why(), HasSubstr("host.pem: the key is not that of the certificate"));
  Put("host.key", "", 0600);
  EXPECT_THAT(Why(), HasSubstr("host.key: there is no readable private key in it"));
  Install(*authority_->IssueHost("web01"));
  Put("host.pem", "", 0644);
  EXPECT_THAT(Why(), HasSubstr("host.pem: there is no readable certificate in it"));
}

TEST_F(IdentityTest, ARenewalTakesThePlaceOfTheOld) {
  for (int i = 0; i < 3; ++i) {
    const std::string before = SerialNow();
    const Renewal renewal = *Renewal::Begin();
    const std::string chain = Answer(renewal);
    ASSERT_TRUE(renewal.Store(Tls(), chain).ok());
    EXPECT_NE(SerialNow(), before);
    EXPECT_EQ(SerialNow(), tls::SerialOf(tls::ParseCertificate(chain)->get()));
    EXPECT_EQ(*FileMode(Tls() + "/host.pem"), 0600u);
    EXPECT_NE(access((Tls() + "/host.key").c_str(), F_OK), 0) << "the old key is gone";
  }
  // Installed again beside what was renewed: files as they were first.
  Install(*authority_->IssueHost("web01"));
  EXPECT_TRUE(ReadIdentity(Tls()).ok());
}

TEST_F(IdentityTest, WhatWasNotAskedForIsNotTaken) {
  const std::string before = SerialNow();
  const Renewal renewal = *Renewal::Begin();
  const auto why = [&](const std::string& chain) { return Message(renewal.Store(Tls(), chain)); };
  EXPECT_THAT(why(""), HasSubstr("is not taken: there is no readable certificate"));
  EXPECT_THAT(why(Answer(*Renewal::Begin())), HasSubstr("for another key than was asked for"));
  EXPECT_THAT(why(Answer(renewal, "web02")), HasSubstr("not made out to host 'web01'"));
  EXPECT_THAT(why(std::string(1 << 20, 'x')), HasSubstr("too large"));
  const auto other = *ca::Authority::OpenOrCreate(folder_.File("other"));
  EXPECT_THAT(why(*other->SignRequest(renewal.request_der(), "web01")),
              HasSubstr("not of the authority in ca.pem"));
  EXPECT_EQ(SerialNow(), before);
}

// Whenever the agent is killed, one pair is there and works.
TEST_F(IdentityTest, AKillAtAnyInstantLeavesOneWorkingPair) {
  int renewed = 0;
  for (int microseconds = 0; microseconds < 6'000; microseconds += 100) {
    Install(*authority_->IssueHost("web01"));
    const Renewal renewal = *Renewal::Begin();
    const std::string chain = Answer(renewal);
    const std::string before = SerialNow();
    const std::string after = tls::SerialOf(tls::ParseCertificate(chain)->get());
    const pid_t child = fork();
    if (child == 0) {
      static_cast<void>(renewal.Store(Tls(), chain));
      _exit(0);
    }
    usleep(static_cast<useconds_t>(microseconds));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const std::string now = SerialNow();
    EXPECT_TRUE(now == before || now == after) << microseconds;
    if (now == after) ++renewed;
  }
  EXPECT_GT(renewed, 0) << "no kill came after the new pair was there: longer waits are needed";
  EXPECT_LT(renewed, 60) << "no kill came before the new pair was there";
}

TEST(Renewal, IsDueTenDaysBeforeTheEnd) {
  const SystemTime expires(1'800'000'000s);
  EXPECT_FALSE(RenewalDue(expires - 11 * 24h, expires));
  EXPECT_FALSE(RenewalDue(expires - 10 * 24h, expires));
  EXPECT_TRUE(RenewalDue(expires - 10 * 24h + 1s, expires));
  EXPECT_TRUE(RenewalDue(expires + 1s, expires));
  EXPECT_FALSE(RenewalDue(SystemTime(0s), expires)) << "a clock of 1970 asks when it is told to";
}

}  // namespace
}  // namespace fleetsync::report
