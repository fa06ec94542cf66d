#include "agent/daemon/rival.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"

namespace fleetsync::daemon {
namespace {

using std::string_literals::operator""s;

class RivalTest : public ::testing::Test {
 protected:
  ~RivalTest() override { std::filesystem::remove_all(proc_); }

  static std::string MakeFolder() {
    std::string name = ::testing::TempDir() + "proc.XXXXXX";
    return mkdtemp(name.data());
  }
  void Process(const std::string& pid, const std::string& comm, const std::string& cmdline,
               const std::string& pid_namespace = "pid:[1]") {
    const std::string folder = proc_ + "/" + pid;
    std::filesystem::create_directories(folder + "/ns");
    std::filesystem::create_symlink(pid_namespace, folder + "/ns/pid");
    std::ofstream(folder + "/comm") << comm << '\n';
    std::ofstream(folder + "/cmdline") << cmdline;
  }

  std::string proc_ = MakeFolder();
};

TEST_F(RivalTest, WhoSetsTheClockIsNamed) {
  Process("self", "fleetsync-agent", "fleetsync-agent\0run\0"s);
  Process("1", "systemd", "/sbin/init\0"s);
  EXPECT_EQ(FindRival(proc_), "");
  Process("77", "systemd-timesyn", "/lib/systemd/systemd-timesyncd\0"s);
  EXPECT_EQ(FindRival(proc_), "systemd-timesyncd (process 77)");
}

TEST_F(RivalTest, EveryDaemonIsKnown) {
  Process("self", "fleetsync-agent", "");
  const struct {
    const char* comm;
    std::string cmdline;
    const char* name;
  } cases[] = {
      {"chronyd", "/usr/sbin/chronyd\0-F\0001\0"s, "chronyd (process 5)"},
      {"ntpd", "/usr/sbin/ntpd\0-p\0/run/x.pid\0"s, "ntpd (process 5)"},
      {"busybox", "busybox\0ntpd\0-p\0a\0"s, "ntpd (process 5)"},
      {"busybox", "busybox\0sh\0"s, ""},
      {"busybox", "", ""},
  };
  for (const auto& c : cases) {
    std::filesystem::remove_all(proc_ + "/5");
    Process("5", c.comm, c.cmdline);
    EXPECT_EQ(FindRival(proc_), c.name) << c.comm;
  }
}

TEST_F(RivalTest, AChronydThatOnlyServesIsNone) {
  Process("self", "fleetsync-agent", "");
  for (const auto& cmdline : {"chronyd\0-x\0"s, "chronyd\0-dx\0"s}) {
    std::filesystem::remove_all(proc_ + "/5");
    Process("5", "chronyd", cmdline);
    EXPECT_EQ(FindRival(proc_), "") << cmdline;
  }
  std::filesystem::remove_all(proc_ + "/5");
  Process("5", "chronyd", "chronyd\0-f\0/etc/max.conf\0--xleave\0"s);
  EXPECT_EQ(FindRival(proc_), "chronyd (process 5)");
}

TEST_F(RivalTest, WhatRunsInAContainerIsNone) {
  Process("self", "fleetsync-agent", "");
  Process("5", "chronyd", "chronyd\0"s, "pid:[2]");
  EXPECT_EQ(FindRival(proc_), "");
}

TEST_F(RivalTest, WhereNamespacesMayNotBeSeenTheDepthOfAProcessTells) {
  Process("self", "fleetsync-agent", "");
  std::ofstream(proc_ + "/self/status") << "Name:\tfleetsync-agent\nNSpid:\t80\n";
  for (const auto& [depth, found] :
       {std::pair{"NSpid:\t5\n", "chronyd (process 5)"}, std::pair{"NSpid:\t5\t1\n", ""}}) {
    std::filesystem::remove_all(proc_ + "/5");
    std::filesystem::create_directories(proc_ + "/5");
    std::ofstream(proc_ + "/5/comm") << "chronyd\n";
    std::ofstream(proc_ + "/5/status") << "Name:\tchronyd\n" << depth;
    EXPECT_EQ(FindRival(proc_), found) << depth;
  }
}

TEST_F(RivalTest, WithoutProcfsNobodyIsSeen) { EXPECT_EQ(FindRival(proc_ + "/none"), ""); }

}  // namespace
}  // namespace fleetsync::daemon
