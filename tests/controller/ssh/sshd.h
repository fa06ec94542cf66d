#pragma once

#include <sys/types.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "controller/ssh/conversation.h"
#include "controller/ssh/fleet.h"
#include "inventory/inventory.h"

namespace fleetsync::ssh {

// A folder that goes with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  // Makes a file and returns its path.
  std::string Write(const std::string& name, const std::string& text, unsigned mode = 0600) const;

 private:
  std::string path_;
};

// Runs a program to its end; the test fails when it does.
void MustRun(const std::string& command);
std::string ReadText(const std::string& path);

// Debian's sshd on a free port of the loopback, for the account that runs the test: it listens
// itself and starts `sshd -i` for each connection, with keys of its own.
class Sshd {
 public:
  // Lines of sshd_config(5) that come before the usual ones.
  explicit Sshd(const std::string& config = "");
  ~Sshd();
  Sshd(const Sshd&) = delete;
  Sshd& operator=(const Sshd&) = delete;

  int port() const { return port_; }
  const std::string& user() const { return user_; }
  std::string user_key() const { return folder_.Path("user_key"); }
  std::string known_hosts() const { return folder_.Path("known_hosts"); }
  // "ssh-ed25519 AAAA…"
  std::string PublicKey(const std::string& type) const;
  const TemporaryFolder& folder() const { return folder_; }

  // A host of an inventory that reaches this server with its right key.
  inventory::Host Host(const std::string& name = "web01") const;

  // kill -9 for every connection's sshd.
  void KillSessions();
  // Another signal for them: they are not waited for.
  void SignalSessions(int signal_number);
  size_t connections() const { return connections_; }

 private:
  void Serve();

  TemporaryFolder folder_;
  std::string user_;
  int listener_ = -1, stop_[2] = {-1, -1}, port_ = 0;
  std::atomic<size_t> connections_{0};
  std::mutex mutex_;
  std::set<pid_t> children_;
  std::thread thread_;
};

// A TCP listener that sends `greeting` to whoever connects, then reads and says nothing more, or
// hangs up at once.
class Listener {
 public:
  enum class Then : unsigned char { kSilence, kHangUp };
  Listener(std::string greeting, Then then);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int port() const { return port_; }
  size_t connections() const { return connections_; }

 private:
  int listener_ = -1, stop_[2] = {-1, -1}, port_ = 0;
  std::atomic<size_t> connections_{0};
  std::thread thread_;
};

// Says one command after another and keeps what came back.
class Script : public Conversation {
 public:
  explicit Script(std::vector<Command> commands) : commands_(std::move(commands)) {}

  Next OnReady(Now now) override;
  Next OnOutput(Now now, std::string_view bytes, bool is_stderr) override;
  Next OnExit(Now now, const Exit& exit) override;
  void OnFailed(const Failure& failure) override { failed = failure; }

  std::string out, err;
  std::vector<Exit> exits;
  std::optional<Failure> failed;

 private:
  std::vector<Command> commands_;
};

// What a run of hosts brought, by host.
struct Outcome {
  std::string out, err;
  std::vector<Exit> exits;
  std::optional<Failure> failure;
  Duration took{};  // from the begin of the run
  std::vector<Stage> stages;
};

Command Line(const std::string& line);
FleetOptions QuickOptions();  // short deadlines, no ssh_config, no second try

// Runs `commands` on each host.
std::map<std::string, Outcome> RunOn(const std::vector<inventory::Host>& hosts,
                                     const std::vector<Command>& commands,
                                     const FleetOptions& options = QuickOptions());
Outcome RunOn(const inventory::Host& host, const std::vector<Command>& commands,
              const FleetOptions& options = QuickOptions());

}  // namespace fleetsync::ssh
