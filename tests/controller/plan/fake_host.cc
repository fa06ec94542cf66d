#include "tests/controller/plan/fake_host.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

namespace fs = std::filesystem;

// Every program that the scripts call.
constexpr const char* kTools[] = {
    "cat",   "chmod", "chown",    "cmp", "cp",     "dd",        "flock", "grep", "kill", "ln",
    "mkdir", "mv",    "readlink", "rm",  "setsid", "sha256sum", "sleep", "tail", "tr"};

constexpr const char* kSystemctl = R"(#!/bin/sh
PATH=/usr/bin:/bin
cd "$SHIM_ROOT" || exit 1
case "$1 $2" in
  'start broken.service')
    echo "Job for $2 failed." >&2
    exit 1 ;;
  *broken.service) exit 0 ;;
esac
case $1 in
  restart|start)
    rm -f loaded
    echo . >>starts
    if grep -q poison etc/chrony/chrony.conf; then
      echo "Job for $2 failed." >&2
      exit 1
    fi
    cp etc/chrony/chrony.conf loaded ;;
  stop) rm -f loaded ;;
  is-active) [ -e loaded ] ;;
  enable) : >enabled ;;
  disable) rm -f enabled ;;
esac
)";
constexpr const char* kChronyd = R"(#!/bin/sh
PATH=/usr/bin:/bin
[ "$1 $2" = '-p -f' ] || exit 2
line=$(grep -n refuse "$3") || exit 0
echo "2026-11-20T22:06:55Z Fatal error : Invalid directive at line ${line%%:*} in file $3" >&2
exit 1
)";
constexpr const char* kChronyc = R"(#!/bin/sh
PATH=/usr/bin:/bin
cd "$SHIM_ROOT" && [ -e loaded ] && ! grep -q mute loaded
)";

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return "(absent)";
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string FindProgram(const std::string& name) {
  for (const char* folder : {"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"})
    if (fs::exists(folder + name)) return folder + name;
  return {};
}

// Debian's busybox has no flock.
bool HasApplet(std::string_view tool) { return tool != "flock"; }

const char* Word(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::kNone:
      return "none";
    case Fault::Kind::kKill:
      return "kill";
    case Fault::Kind::kHangUp:
      return "hup";
    case Fault::Kind::kFail:
      return "fail";
    case Fault::Kind::kCloseOutput:
      return "close";
  }
  return "";
}

// All that arrives, until a file asks for the reader to go away; another says that it has gone.
std::string ReadOutput(int pipe, const std::string& ask, const std::string& answer) {
  constexpr int kPollMs = 2;
  std::string output;
  char buffer[4096];
  while (!fs::exists(ask)) {
    pollfd readable{.fd = pipe, .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, kPollMs) <= 0) continue;
    const ssize_t got = read(pipe, buffer, sizeof buffer);
    if (got <= 0) break;
    output.append(buffer, static_cast<size_t>(got));
  }
  close(pipe);
  std::ofstream(answer) << "";
  return output;
}

}  // namespace

FakeHost::FakeHost(Shell shell) {
  std::string folder = fs::temp_directory_path() / "fleetsync-host-XXXXXX";
  root_ = mkdtemp(folder.data());
  for (const char* name : {"etc/chrony", "shim/bin", "programs"})
    fs::create_directories(Path(name));
  InstallPrograms(shell);
  Write("etc/chrony/chrony.conf", "server old\n");
  Write("loaded", "server old\n");
  Write("enabled", "");
}

FakeHost::~FakeHost() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

void FakeHost::InstallPrograms(Shell shell) const {
  const std::string busybox = FindProgram("busybox");
  const bool plain = shell == Shell::kDash;
  for (const char* tool : kTools)
    if (plain || HasApplet(tool))
      fs::create_symlink(plain ? FindProgram(tool) : busybox, Path("programs/") + tool);
  fs::create_symlink(plain ? FindProgram("dash") : busybox, Path("programs/sh"));
  // A real disk is slow, and none of these tests cuts its power.
  fs::create_symlink(FindProgram("true"), Path("programs/sync"));
  MakeProgram("systemctl", kSystemctl);
  MakeProgram("chronyd", kChronyd);
  MakeProgram("chronyc", kChronyc);
  for (const auto& program : fs::directory_iterator(Path("programs")))
    fs::create_symlink(FAULT_SHIM, Path("shim/bin/") + program.path().filename().string());
}

void FakeHost::MakeProgram(const std::string& name, const std::string& script) const {
  Write("programs/" + name, script);
  fs::permissions(Path("programs/" + name), fs::perms::owner_all);
}

HostPlan FakeHost::PlanFor(const std::string& after) const {
  PutFile put{.path = ConfigPath(),
              .before = std::nullopt,
              .after = after,
              .mode = 0640,
              .owner = getpwuid(geteuid())->pw_name,
              .group = getgrgid(getegid())->gr_name,
              .checker = render::Checker::kChronyd,
              .check_program = Path("shim/bin/chronyd")};
  if (Exists("etc/chrony/chrony.conf")) put.before = Config();
  SetService set{.service = "chrony",
                 .program = "chronyd",
                 .init = facts::Init::kSystemd,
                 .run = SetService::Run::kRestarted,
                 .was_running = true,
                 .inquiry = Inquiry::kChronyc};
  return {.host = "web07",
          .changes = {{put, "differs"}, {set, "its file changes"}},
          .notes = {},
          .edited_files = {}};
}

ApplyOptions FakeHost::Options() const {
  return {.run_id = "run1", .state_folder = Path("state"), .patience_s = patience_s};
}

Ran FakeHost::Apply(const HostPlan& plan, const Fault& fault) {
  return Run(ToApplyScript(plan, Options()), fault);
}

Ran FakeHost::Run(std::string script, const Fault& fault) {
  // Nothing but the programs here, so that a tool that busybox has not is missed.
  const std::string_view search = ":/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";
  for (size_t at = script.find(search); at != std::string::npos; at = script.find(search))
    script.erase(at, search.size());
  Write("script", script);
  for (const char* name : {"shim/count", "shim/trace", "shim/close", "shim/closed"})
    fs::remove(Path(name));
  int output[2];
  if (pipe(output) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    signal(SIGPIPE, fault.ignore_pipe ? SIG_IGN : SIG_DFL);
    Write("shim/main", std::to_string(getpid()));
    dup2(open(Path("script").c_str(), O_RDONLY), 0);
    dup2(output[1], 1);
    dup2(open(Path("errors").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    close(output[0]);
    close(output[1]);
    const std::string path = "PATH=" + Path("shim/bin");
    const std::string folder = "SHIM_FOLDER=" + Path("shim");
    const std::string programs = "SHIM_PROGRAMS=" + Path("programs");
    const std::string root = "SHIM_ROOT=" + root_;
    const std::string at = fmt::format("SHIM_AT={}", fault.at);
    const std::string kind = fmt::format("SHIM_FAULT={}", Word(fault.kind));
    const std::string when = fmt::format("SHIM_WHEN={}", fault.after ? "after" : "before");
    const char* environment[] = {path.c_str(), folder.c_str(), programs.c_str(), root.c_str(),
                                 at.c_str(),   kind.c_str(),   when.c_str(),     nullptr};
    execle(Path("programs/sh").c_str(), "sh", "-s", nullptr, environment);
    _exit(127);
  }
  close(output[1]);
  Ran ran;
  ran.output = ReadOutput(output[0], Path("shim/close"), Path("shim/closed"));
  int status = 0;
  waitpid(child, &status, 0);
  ran.killed = WIFSIGNALED(status);
  ran.code = ran.killed ? WTERMSIG(status) : WEXITSTATUS(status);
  ran.errors = Read("errors");
  ran.calls = Exists("shim/count") ? static_cast<int>(Read("shim/count").size()) : 0;
  return ran;
}

std::string FakeHost::Read(const std::string& name) const { return ReadAll(Path(name)); }

void FakeHost::Write(const std::string& name, const std::string& text) const {
  // Never through a link: those in programs/ lead to this machine's own tools.
  fs::remove(Path(name));
  std::ofstream(Path(name), std::ios::binary | std::ios::trunc) << text;
}

bool FakeHost::Exists(const std::string& name) const {
  return fs::exists(fs::symlink_status(Path(name)));
}

int FakeHost::Starts() const {
  const std::string starts = Read("starts");
  return static_cast<int>(std::count(starts.begin(), starts.end(), '\n'));
}

std::vector<std::string> FakeHost::Files(const std::string& folder) const {
  std::vector<std::string> names;
  if (!fs::exists(Path(folder))) return names;
  for (const auto& entry : fs::directory_iterator(Path(folder)))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

std::string FakeHost::Leftovers() const {
  std::string left;
  for (const char* link : {"state/journal", "state/committed"})
    if (Exists(link)) left += std::string(link) + " ";
  for (const std::string& name : Files("etc/chrony"))
    if (name != "chrony.conf") left += name + " ";
  return left;
}

}  // namespace fleetsync::plan
