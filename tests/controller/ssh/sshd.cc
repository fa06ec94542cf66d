#include "tests/controller/ssh/sshd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/clock_read.h"
#include "fmt/format.h"
#include "gtest/gtest.h"

extern char** environ;

namespace fleetsync::ssh {
namespace {

int ListenOnLoopback(int& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(listen(fd, 128), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port = ntohs(address.sin_port);
  return fd;
}

// Waits for a connection or for the end; -1: the end.
int Accept(int listener, int stop) {
  std::array<pollfd, 2> fds{pollfd{listener, POLLIN, 0}, pollfd{stop, POLLIN, 0}};
  while (poll(fds.data(), fds.size(), -1) < 0) {
  }
  if (fds[1].revents != 0) return -1;
  return accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
}

pid_t SpawnSshd(const std::string& config, int connection) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, connection, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, connection, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const std::string log = config + ".log";
  std::array<const char*, 7> argv{"/usr/sbin/sshd", "-i",   "-f", config.c_str(), "-E",
                                  log.c_str(),      nullptr};
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, argv[0], &actions, nullptr, const_cast<char**>(argv.data()), environ),
            0);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

// Keys are made once for all servers of a test program.
const std::string& KeyFolder() {
  static const TemporaryFolder folder;
  static const std::string path = [] {
    for (const char* type : {"ed25519", "ecdsa", "rsa"})
      MustRun(fmt::format("ssh-keygen -q -t {0} {1} -N '' -C '' -f {2}", type,
                          std::string_view(type) == "rsa" ? "-b 2048" : "", folder.Path(type)));
    MustRun(fmt::format("ssh-keygen -q -t ed25519 -N '' -C '' -f {}", folder.Path("user_key")));
    return folder.Path("");
  }();
  return path;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = std::filesystem::temp_directory_path() / "fleetsync-ssh-XXXXXX";
  path_ = mkdtemp(pattern.data());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::Write(const std::string& name, const std::string& text,
                                   unsigned mode) const {
  std::ofstream(Path(name), std::ios::binary) << text;
  chmod(Path(name).c_str(), mode);
  return Path(name);
}

void MustRun(const std::string& command) {
  ASSERT_EQ(std::system(command.c_str()), 0) << command;  // NOLINT(concurrency-mt-unsafe)
}

std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Sshd::Sshd(const std::string& config) {
  user_ = getpwuid(geteuid())->pw_name;  // NOLINT(concurrency-mt-unsafe)
  if (geteuid() == 0) mkdir("/run/sshd", 0755);
  std::filesystem::copy(KeyFolder(), folder_.Path(""), std::filesystem::copy_options::recursive);
  std::string text = config + "\n";
  if (config.find("HostKey ") == std::string::npos)
    text += fmt::format("HostKey {}\nHostKey {}\n", folder_.Path("ed25519"), folder_.Path("ecdsa"));
  text += fmt::format(
      "AuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
      "KbdInteractiveAuthentication no\nPermitRootLogin yes\nUseDNS no\nPidFile none\n"
      "LogLevel VERBOSE\n",
      folder_.Path("user_key.pub"));
  folder_.Write("sshd_config", text);
  listener_ = ListenOnLoopback(port_);
  EXPECT_EQ(pipe2(stop_, O_CLOEXEC), 0);
  folder_.Write("known_hosts", fmt::format("[127.0.0.1]:{} {}\n", port_, PublicKey("ed25519")));
  thread_ = std::thread([this] { Serve(); });
}

Sshd::~Sshd() {
  EXPECT_EQ(write(stop_[1], "", 1), 1);
  thread_.join();
  KillSessions();
  for (const int fd : {listener_, stop_[0], stop_[1]}) close(fd);
}

std::string Sshd::PublicKey(const std::string& type) const {
  const std::string text = ReadText(folder_.Path(type + ".pub"));
  return text.substr(0, text.find(' ', text.find(' ') + 1));
}

inventory::Host Sshd::Host(const std::string& name) const {
  inventory::Host host;
  host.name = name;
  host.connection.address = "127.0.0.1";
  host.connection.port = static_cast<uint16_t>(port_);
  host.connection.user = user_;
  host.connection.identities = {user_key()};
  host.connection.known_hosts = {known_hosts()};
  return host;
}

void Sshd::Serve() {
  for (int fd = Accept(listener_, stop_[0]); fd >= 0; fd = Accept(listener_, stop_[0])) {
    ++connections_;
    const pid_t pid = SpawnSshd(folder_.Path("sshd_config"), fd);
    close(fd);
    const std::lock_guard lock(mutex_);
    children_.insert(pid);
  }
}

void Sshd::KillSessions() {
  const std::lock_guard lock(mutex_);
  for (const pid_t pid : children_) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  children_.clear();
}

void Sshd::SignalSessions(int signal_number) {
  const std::lock_guard lock(mutex_);
  for (const pid_t pid : children_) kill(pid, signal_number);
}

Listener::Listener(std::string greeting, Then then) {
  listener_ = ListenOnLoopback(port_);
  EXPECT_EQ(pipe2(stop_, O_CLOEXEC), 0);
  thread_ = std::thread([this, greeting = std::move(greeting), then] {
    std::vector<int> open;
    for (int fd = Accept(listener_, stop_[0]); fd >= 0; fd = Accept(listener_, stop_[0])) {
      ++connections_;
      send(fd, greeting.data(), greeting.size(), MSG_NOSIGNAL);
      if (then == Then::kHangUp)
        close(fd);
      else
        open.push_back(fd);
    }
    for (const int fd : open) close(fd);
  });
}

Listener::~Listener() {
  EXPECT_EQ(write(stop_[1], "", 1), 1);
  thread_.join();
  for (const int fd : {listener_, stop_[0], stop_[1]}) close(fd);
}

Conversation::Next Script::OnReady(Now) {
  if (commands_.empty()) return Done{};
  return RunCommand{.command = commands_[0]};
}

Conversation::Next Script::OnOutput(Now, std::string_view bytes, bool is_stderr) {
  (is_stderr ? err : out) += bytes;
  return Wait{};
}

Conversation::Next Script::OnExit(Now, const Exit& exit) {
  exits.push_back(exit);
  if (exits.size() == commands_.size()) return Done{};
  return RunCommand{.command = commands_[exits.size()]};
}

namespace {

class Recorder : public FleetObserver {
 public:
  std::map<std::string, Outcome> outcomes;

  void OnStage(const inventory::Host& host, Stage stage) override {
    outcomes[host.name].stages.push_back(stage);
  }
  void OnHostDone(const inventory::Host& host, Conversation& conversation,
                  const Failure* failure) override {
    auto& script = dynamic_cast<Script&>(conversation);
    Outcome& outcome = outcomes[host.name];
    outcome.out = std::move(script.out);
    outcome.err = std::move(script.err);
    outcome.exits = std::move(script.exits);
    if (failure != nullptr) outcome.failure = *failure;
    EXPECT_EQ(script.failed.has_value(), failure != nullptr);
    outcome.took = ReadClocks().mono - begin_;
  }

 private:
  const MonoTime begin_ = ReadClocks().mono;
};

}  // namespace

Command Line(const std::string& line) {
  Command command;
  command.line = line;
  command.deadline = std::chrono::seconds(20);
  return command;
}

FleetOptions QuickOptions() {
  return {.connect_deadline = std::chrono::seconds(5),
          .authenticate_deadline = std::chrono::seconds(10),
          .connect_retries = 0,
          .use_ssh_config = false,
          .ssh_config_file = ""};
}

std::map<std::string, Outcome> RunOn(const std::vector<inventory::Host>& hosts,
                                     const std::vector<Command>& commands,
                                     const FleetOptions& options) {
  std::vector<const inventory::Host*> pointers;
  for (const inventory::Host& host : hosts) pointers.push_back(&host);
  Recorder recorder;
  const std::atomic<bool> never{false};
  const Status status = RunFleet(
      pointers, options, [&](const inventory::Host&) { return std::make_unique<Script>(commands); },
      recorder, never);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(recorder.outcomes.size(), hosts.size());
  return std::move(recorder.outcomes);
}

Outcome RunOn(const inventory::Host& host, const std::vector<Command>& commands,
              const FleetOptions& options) {
  std::vector<inventory::Host> hosts;
  hosts.push_back({});
  hosts.back().name = host.name;
  inventory::Connection& to = hosts.back().connection;
  const inventory::Connection& from = host.connection;
  to = {.address = from.address,
        .port = from.port,
        .user = from.user,
        .identities = from.identities,
        .known_hosts = from.known_hosts,
        .proxy_jump = from.proxy_jump,
        .become = from.become,
        .password_source = from.password_source,
        .become_password_source = from.become_password_source,
        .password = from.password.Clone()};
  return RunOn(hosts, commands, options).at(host.name);
}

}  // namespace fleetsync::ssh
