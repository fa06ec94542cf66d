#include "agent/daemon/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::daemon {
namespace {

using ::testing::HasSubstr;

// /proc/self/status of a child after `become`; what it said when it failed.
template <typename F>
std::string StatusAfter(F become) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const Status status = become();
    const std::string text =
        status.ok() ? *ReadFile("/proc/self/status", 1 << 16) : Message(status);
    static_cast<void>(!write(ends[1], text.data(), text.size()));
    _exit(0);
  }
  close(ends[1]);
  std::string text(1 << 16, ' ');
  text.resize(static_cast<size_t>(std::max<ssize_t>(read(ends[0], text.data(), text.size()), 0)));
  close(ends[0]);
  waitpid(pid, nullptr, 0);
  return text;
}

uint64_t Capabilities(const std::string& status, const std::string& set) {
  const size_t at = status.find(set + ":\t");
  return at == std::string::npos ? ~uint64_t{0}
                                 : std::stoull(status.substr(at + set.size() + 2, 16), nullptr, 16);
}

class Privileges : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }
};

TEST_F(Privileges, TheTimeProcessKeepsNothingButTheClockAndLowPorts) {
  constexpr uint64_t kMost = 1 << CAP_SYS_TIME | 1 << CAP_NET_BIND_SERVICE;
  const uint64_t own = Capabilities(*ReadFile("/proc/self/status", 1 << 16), "CapPrm");
  const std::string status = StatusAfter([] { return KeepOnlyTheClock("nobody"); });
  EXPECT_THAT(status, HasSubstr("Uid:\t65534\t65534\t65534\t65534\n"));
  EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1\n"));
  EXPECT_EQ(Capabilities(status, "CapEff"), own & kMost);
  EXPECT_EQ(Capabilities(status, "CapPrm"), own & kMost);
  EXPECT_EQ(Capabilities(status, "CapBnd"), 0u);
  EXPECT_EQ(Capabilities(status, "CapInh"), 0u);
}

TEST_F(Privileges, WithoutAUserRootStaysAndItsPowersGo) {
  const std::string status = StatusAfter([] { return KeepOnlyTheClock(""); });
  EXPECT_THAT(status, HasSubstr("Uid:\t0\t0\t0\t0\n"));
  EXPECT_EQ(Capabilities(status, "CapEff") & (1 << CAP_SETUID | 1 << CAP_DAC_OVERRIDE), 0u);
}

TEST_F(Privileges, TheLauncherCanChangeUsersAndSetNoClock) {
  const std::string status = StatusAfter([] { return KeepOnlyWhatStartsTheReporter(); });
  EXPECT_EQ(Capabilities(status, "CapEff"), Capabilities(status, "CapBnd"));
  EXPECT_NE(Capabilities(status, "CapEff") & (1 << CAP_SETUID), 0u);
  EXPECT_EQ(Capabilities(status, "CapEff") & (1 << CAP_SYS_TIME | 1 << CAP_DAC_OVERRIDE), 0u);
}

TEST_F(Privileges, AUserThatIsNotThereIsAnErrorThatSaysWhatToDo) {
  EXPECT_EQ(StatusAfter([] { return KeepOnlyTheClock("no-such-user"); }),
            "there is no user no-such-user in /etc/passwd; choose one with --user");
}

TEST_F(Privileges, TheStateIsGivenButNoFileWithAnotherNameNorTheReportersIdentity) {
  std::string folder = ::testing::TempDir() + "state.XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  std::filesystem::create_directories(folder + "/state/spool");
  std::ofstream(folder + "/state/spool/1.reports") << "x";
  std::ofstream(folder + "/others") << "x";
  std::filesystem::create_hard_link(folder + "/others", folder + "/state/linked");
  std::filesystem::create_symlink(folder + "/others", folder + "/state/symbolic");
  std::filesystem::create_directories(folder + "/state/tls");
  std::ofstream(folder + "/state/tls/host.key") << "x";
  for (const char* name : {"/state/tls", "/state/tls/host.key"})
    ASSERT_EQ(chown((folder + name).c_str(), 1, 1), 0);
  GiveState(folder + "/state", "nobody", "daemon");
  const auto owner = [&](const std::string& name) {
    struct stat info {};
    stat((folder + name).c_str(), &info);
    return info.st_uid;
  };
  EXPECT_EQ(owner("/state"), 65534u);
  EXPECT_EQ(owner("/state/spool"), 65534u);
  EXPECT_EQ(owner("/state/spool/1.reports"), 65534u);
  EXPECT_EQ(owner("/others"), 0u);
  EXPECT_EQ(owner("/state/tls"), 1u) << "the reporter's";
  EXPECT_EQ(owner("/state/tls/host.key"), 1u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace fleetsync::daemon
