#include "tests/controller/deploy/fake_root.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "controller/deploy/install_plan.h"
#include "fmt/format.h"
#include "gtest/gtest.h"

namespace fleetsync::deploy {
namespace {

namespace fs = std::filesystem;

// Paths of a host that the script names, moved below the root.
constexpr std::array<std::string_view, 9> kPaths = {
    "/usr/local/sbin", "/etc/fleetsync", "/etc/systemd", "/etc/init.d", "/etc/rc",
    "/etc/passwd",     "/var/lib",       "/var/run",     "/var/log"};

constexpr size_t kLongestShown = 100;

std::string Replace(std::string text, std::string_view from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string Slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

FakeRoot::FakeRoot() {
  std::string name = testing::TempDir() + "fleetsync-root-XXXXXX";
  root_ = mkdtemp(name.data());
  for (const char* folder :
       {"fake", "state", "usr/local/sbin", "etc/systemd/system", "var/lib", "var/run", "var/log"})
    fs::create_directories(fs::path(root_) / folder);
  // Counts, and fails or kills the shell at the one that was asked for; then the real command.
  const std::string count =
      "read n <\"$S/count\"; n=$((n + 1)); echo \"$n\" >\"$S/count\"\n"
      "read at <\"$S/at\"\n"
      "if [ \"$n\" = \"$at\" ]; then\n"
      "  read fault <\"$S/fault\"; read shell <\"$S/shell\"\n"
      "  case $fault in\n"
      "    kill) kill -9 \"$shell\"; exit 1 ;;\n"
      "    fail) echo 'injected fault' >&2; exit 1 ;;\n"
      "  esac\n"
      "fi\n";
  for (const char* command : {"mv", "chmod", "mkdir", "ln", "cp", "gzip"})
    WriteCommand(command, count + fmt::format("exec /bin/{} \"$@\"\n", command));
  WriteCommand("chown", count);
  WriteCommand("sleep", "");
  WriteCommand("id", "[ -e \"$S/user-$1\" ]\n");
  WriteCommand("useradd", count + "for name; do :; done\n: >\"$S/user-$name\"\n");
  WriteCommand("userdel", "rm -f \"$S/user-$1\"\n");
  WriteCommand("journalctl", "echo 'what the journal says'\n");
  // A program that says `broken` does not start; the running one is what was there at the start.
  // Another service is a file for each of what it does.
  WriteCommand("systemctl",
               "case $1 in\n"
               "  is-active) [ -e \"$S/active\" ]; exit ;;\n"
               "  is-enabled) [ -e \"$S/enabled\" ]; exit ;;\n"
               "esac\n" +
                   count +
                   "echo \"$1${2#fleetsync-agent}\" >>\"$S/service-calls\"\n"
                   "case \"$1 $2\" in\n"
                   "  start*chrony.service) : >\"$S/chrony-active\"; exit ;;\n"
                   "  stop*chrony.service) /bin/rm -f \"$S/chrony-active\"; exit ;;\n"
                   "  enable*chrony.service) : >\"$S/chrony-enabled\"; exit ;;\n"
                   "  disable*chrony.service) /bin/rm -f \"$S/chrony-enabled\"; exit ;;\n"
                   "esac\n"
                   "case $1 in\n"
                   "  enable) : >\"$S/enabled\" ;;\n"
                   "  disable) /bin/rm -f \"$S/enabled\" ;;\n"
                   "  stop) /bin/rm -f \"$S/active\" ;;\n"
                   "  restart)\n"
                   "    /bin/rm -f \"$S/active\"\n"
                   "    /bin/grep -q broken \"$S/../usr/local/sbin/fleetsync-agent\" && exit 1\n"
                   "    /bin/cat \"$S/../usr/local/sbin/fleetsync-agent\" >\"$S/active\" ;;\n"
                   "esac\n");
}

FakeRoot::~FakeRoot() { fs::remove_all(root_); }

void FakeRoot::WriteCommand(const std::string& name, const std::string& body) {
  Write("/fake/" + name, "#!/bin/sh\nS=" + root_ + "/state\n" + body, 0755);
}

FakeRoot::Ran FakeRoot::Run(const std::string& shell, const std::string& script,
                            const std::string& input, Fault fault, int at) {
  std::string moved = Replace(script, "PATH=/usr/sbin:", "PATH=" + root_ + "/fake:/usr/sbin:");
  for (const std::string_view path : kPaths)
    moved = Replace(moved, path, root_ + std::string(path));
  Write("/state/input", moved + input, 0600);
  Write("/state/count", "0\n", 0600);
  Write("/state/at", fmt::format("{}\n", at), 0600);
  Write("/state/fault", fault == Fault::kKill ? "kill\n" : "fail\n", 0600);
  Write("/state/service-calls", "", 0600);
  const std::string inner =
      fmt::format("echo $$ >{0}/state/shell; {1}", root_, CommandFor(moved.size()));
  const std::string command =
      fmt::format("{} -c {} <{}/state/input 2>&1", shell, ShellQuote(inner), root_);
  Ran ran;
  std::FILE* pipe = popen(command.c_str(), "r");
  std::array<char, 4096> buffer{};
  for (size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    ran.output.append(buffer.data(), size);
  pclose(pipe);
  ran.commands = std::atoi(Read("/state/count").c_str());
  return ran;
}

std::map<std::string, std::string> FakeRoot::Tree() const {
  std::map<std::string, std::string> tree;
  for (const auto& entry : fs::recursive_directory_iterator(root_)) {
    const std::string path = entry.path().string().substr(root_.size());
    if (path.starts_with("/fake") || path.starts_with("/state") ||
        path.starts_with("/var/lib/fleetsync-install") || !entry.is_regular_file())
      continue;
    std::string content = Slurp(entry.path());
    if (content.size() > kLongestShown) content = Sha256Hex(content);
    tree[path] =
        fmt::format("{:o} {}", static_cast<unsigned>(entry.status().permissions()), content);
  }
  for (const char* state : {"active", "enabled", "user-fleetsync", "user-_fleetsync",
                            "chrony-active", "chrony-enabled"})
    if (Exists(std::string("/state/") + state)) tree[state] = Read(std::string("/state/") + state);
  return tree;
}

void FakeRoot::Write(const std::string& path, const std::string& content, unsigned mode) {
  fs::create_directories(fs::path(root_ + path).parent_path());
  std::ofstream(root_ + path, std::ios::binary) << content;
  chmod((root_ + path).c_str(), mode);
}

std::string FakeRoot::Read(const std::string& path) const { return Slurp(root_ + path); }

bool FakeRoot::Exists(const std::string& path) const { return fs::exists(root_ + path); }

unsigned FakeRoot::Mode(const std::string& path) const {
  return static_cast<unsigned>(fs::status(root_ + path).permissions());
}

std::vector<std::string> FakeRoot::ServiceCalls() const {
  std::vector<std::string> calls;
  const std::string text = Read("/state/service-calls");
  for (const std::string_view line : Split(text, '\n'))
    if (!line.empty()) calls.emplace_back(line);
  return calls;
}

}  // namespace fleetsync::deploy
