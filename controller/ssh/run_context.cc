#include "controller/ssh/run_context.h"

#include <cstdlib>
#include <utility>

#include "controller/ssh/ssh_config.h"
#include "controller/ssh/subprocess.h"

namespace fleetsync::ssh {
namespace {

// Names of a dead domain take a resolver many seconds each; the names of others must not queue
// behind them.
constexpr size_t kPoolThreads = 32;
constexpr Duration kAgentListDeadline = std::chrono::seconds(2);

bool DecideSshConfig(const FleetOptions& options, const LocalUser& local) {
  return options.use_ssh_config && SshConfigFilesMatter(options.ssh_config_file, local.home) &&
         !FindProgram("ssh").empty();
}

}  // namespace

RunContext::RunContext(std::unique_ptr<EventLoop> loop, const FleetOptions& options,
                       LocalUser local)
    : loop_(std::move(loop)),
      options_(options),
      local_(std::move(local)),
      ssh_config_matters_(DecideSshConfig(options_, local_)),
      random_(std::random_device{}()),
      pool_(kPoolThreads),
      secrets_(*loop_, pool_) {}

StatusOr<KnownHosts*> RunContext::KnownHostsOf(const std::vector<std::string>& files) {
  const auto [it, is_new] = known_hosts_.try_emplace(files);
  auto& [status, known_hosts] = it->second;
  if (is_new) {
    known_hosts = std::make_unique<KnownHosts>();
    for (const std::string& file : files) status.Update(known_hosts->Load(file));
  }
  if (!status.ok()) return status;
  return known_hosts.get();
}

RunContext::Agent* RunContext::AgentOf(const std::string& identity_agent) {
  std::string path = identity_agent;
  if (path.empty() || path == "SSH_AUTH_SOCK") {
    const char* socket = getenv("SSH_AUTH_SOCK");  // NOLINT(concurrency-mt-unsafe): nothing sets it
    path = socket == nullptr ? "" : socket;
  }
  if (path.empty() || path == "none") return nullptr;
  const auto [it, is_new] = agents_.try_emplace(path);
  if (!is_new) return it->second.get();
  StatusOr<std::vector<std::string>> keys = ListAgentKeys(path, kAgentListDeadline);
  if (keys.ok() && !keys->empty())
    it->second = std::make_unique<Agent>(*std::move(keys), *loop_, path);
  return it->second.get();
}

}  // namespace fleetsync::ssh
