#include "controller/deploy/identity.h"

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "fmt/format.h"
#include "gtest/gtest.h"

namespace fleetsync::deploy {
namespace {

using std::chrono::hours;

constexpr size_t kLargest = 1 << 20;

// Certificates made by the openssl command: one authority, "web01".
class IdentityTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = testing::TempDir() + "identity.XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    Run("openssl ecparam -genkey -name prime256v1 -noout -out ca.key");
    Run("openssl req -x509 -new -key ca.key -subj /CN=fleet -days 3650 -out ca.pem");
    Run("openssl req -x509 -new -key ca.key -subj /CN=other -days 3650 -out other.pem");
    Run("openssl ecparam -genkey -name prime256v1 -noout -out host.key");
    Run("openssl ecparam -genkey -name prime256v1 -noout -out foreign.key");
    Run("openssl req -new -key host.key -subj /CN=web01 -out host.csr");
    Run("openssl x509 -req -in host.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 "
        "-out host.pem");
    Run("openssl req -x509 -new -key foreign.key -subj /CN=web01 -days 30 -out foreign.pem");
  }
  static void TearDownTestSuite() { std::filesystem::remove_all(folder_); }

  static void Run(const std::string& command) {
    const std::string line = fmt::format("cd {} && {} >log 2>&1 || {{ cat log; exit 1; }}",
                                         ShellQuote(folder_), command);
    ASSERT_EQ(std::system(line.c_str()), 0) << command;
  }
  static std::string File(const std::string& name) {
    const auto text = ReadFile(folder_ + "/" + name, kLargest);
    EXPECT_TRUE(text.ok()) << text.status();
    return text.value_or("");
  }
  static IdentityState State(const std::string& certificate = "host.pem") {
    return {.complete = true,
            .authority_sha256 = Sha256Hex(File("ca.pem")),
            .certificate = File(certificate)};
  }
  static SystemTime End() { return *EndOf(File("host.pem")); }
  static bool IsGood(const IdentityState& state, SystemTime now, const std::string& host = "web01",
                     const std::string& authority = "ca.pem") {
    return state.IsGood(File(authority), host, now);
  }

  inline static std::string folder_;
};

TEST_F(IdentityTest, IsGoodUntilADayBeforeItsEnd) {
  EXPECT_TRUE(IsGood(State(), End() - hours(24)));
  EXPECT_FALSE(IsGood(State(), End() - hours(24) + std::chrono::seconds(1)));
  EXPECT_FALSE(IsGood(State(), End() - hours(24 * 31)));
}

TEST_F(IdentityTest, IsOfThisHostAndOfThisAuthority) {
  const SystemTime now = End() - hours(48);
  EXPECT_FALSE(IsGood(State(), now, "web02"));
  EXPECT_FALSE(IsGood(State(), now, "web01", "other.pem"));
  EXPECT_FALSE(IsGood(State("foreign.pem"), now)) << "signed by somebody else";
}

TEST_F(IdentityTest, IsNotGoodWhenAFileIsMissingOrOthersMayReadOne) {
  IdentityState state = State();
  state.complete = false;
  EXPECT_FALSE(IsGood(state, End() - hours(48)));
}

TEST_F(IdentityTest, WhatIsNoCertificateIsNotGood) {
  IdentityState state = State();
  state.certificate = "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n";
  EXPECT_FALSE(IsGood(state, End() - hours(48)));
  EXPECT_FALSE(EndOf(state.certificate).ok());
}

}  // namespace
}  // namespace fleetsync::deploy
