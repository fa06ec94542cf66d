#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdio>
#include <memory>
#include <string>

#include "controller/facts/facts.h"

namespace fleetsync::facts {
namespace {

// What `shell -s` prints for `script` on its standard input.
std::string RunShell(const std::string& shell, std::string_view script) {
  char path[] = "/tmp/fleetsync-probe-XXXXXX";
  const int descriptor = mkstemp(path);
  EXPECT_GE(descriptor, 0);
  std::unique_ptr<FILE, int (*)(FILE*)> file(fdopen(descriptor, "w"), fclose);
  fwrite(script.data(), 1, script.size(), file.get());
  file.reset();
  const std::string line = shell + " -s <" + path + " 2>&1";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(line.c_str(), "r"), pclose);
  std::string output;
  char buffer[4096];
  for (size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;)
    output.append(buffer, n);
  pipe.reset();
  remove(path);
  return output;
}

class ProbeScriptIn : public testing::TestWithParam<const char*> {
 protected:
  bool HaveShell() const { return RunShell(GetParam(), "echo here\n") == "here\n"; }
};

TEST_P(ProbeScriptIn, DescribesThisMachine) {
  if (!HaveShell()) GTEST_SKIP() << GetParam() << " is not installed";
  const auto facts = ParseProbe(RunShell(GetParam(), ProbeScript()));
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_FALSE(facts->hostname.empty());
  EXPECT_FALSE(facts->machine.empty());
  EXPECT_TRUE(facts->HasTool("date"));
}

// The fingerprint of a push: when it is the expected one nothing else is read.
TEST_P(ProbeScriptIn, ReadsNothingElseWhileTheFingerprintHolds) {
  if (!HaveShell()) GTEST_SKIP() << GetParam() << " is not installed";
  const auto probe = [](const std::string& settled) {
    return ParseProbe(
        RunShell(GetParam(), "scope=push\nsettled=" + settled + "\n" + std::string(ProbeScript())));
  };
  // Other tests on this machine start programs that are called like time daemons.
  constexpr int kTries = 50;
  auto first = probe("");
  auto second = first;
  for (int i = 0; i < kTries; ++i) {
    ASSERT_TRUE(first.ok()) << first.status();
    ASSERT_EQ(first->fingerprint.size(), 64U);
    EXPECT_FALSE(first->settled);
    EXPECT_FALSE(first->init_process.empty());
    second = probe(first->fingerprint);
    ASSERT_TRUE(second.ok()) << second.status();
    if (second->settled) break;
    first = probe("");
  }
  EXPECT_TRUE(second->settled);
  EXPECT_EQ(second->init_process, "");
  const auto other = probe(std::string(64, '0'));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_FALSE(other->settled);
  EXPECT_FALSE(other->init_process.empty());
}

// What a broken connection leaves of a script must not run.
TEST_P(ProbeScriptIn, DoesNothingWhenCutOff) {
  if (!HaveShell()) GTEST_SKIP() << GetParam() << " is not installed";
  const std::string_view script = ProbeScript();
  EXPECT_EQ(RunShell(GetParam(), script.substr(0, script.rfind("fleetsync_probe"))), "");
}

// `emit` is what keeps a strange value from looking like another line.
TEST_P(ProbeScriptIn, EscapesStrangeValues) {
  if (!HaveShell()) GTEST_SKIP() << GetParam() << " is not installed";
  std::string script(ProbeScript().substr(0, ProbeScript().rfind("fleetsync_probe")));
  script += "emit key 'a\\b\n\nuid=0\n'\n";
  EXPECT_EQ(RunShell(GetParam(), script), "key=a\\\\b\\n\\nuid=0\\n\n");
}

INSTANTIATE_TEST_SUITE_P(Shells, ProbeScriptIn,
                         testing::Values("sh", "dash", "bash --posix", "busybox sh"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name)
                             if (c == ' ' || c == '-') c = '_';
                           return name;
                         });

// Comments are for the repository's readers; two hundred connections need not carry them.
TEST(ProbeScript, TravelsWithoutItsComments) {
  EXPECT_EQ(ProbeScript().find("\n#"), std::string_view::npos);
  EXPECT_EQ(ProbeScript().find("\n\n"), std::string_view::npos);
  EXPECT_TRUE(ProbeScript().ends_with("\nfleetsync_probe </dev/null\n"));
}

}  // namespace
}  // namespace fleetsync::facts
