#include "controller/ssh/run_setup.h"

#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "controller/ssh/session.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

constexpr int kPassphraseTries = 3;

LocalUser ReadLocalUser() {
  LocalUser local;
  const char* home = getenv("HOME");  // NOLINT(concurrency-mt-unsafe): before any thread starts
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) local.name = found->pw_name;
  if (home != nullptr)
    local.home = home;
  else if (found != nullptr)
    local.home = found->pw_dir;
  return local;
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // when it fails, fewer sessions are open at once
}

// A key that every host names and nobody can use is one mistake, not as many as there are hosts.
Status CheckCommonIdentities(const std::vector<const inventory::Host*>& hosts,
                             Identities& identities) {
  if (hosts.empty()) return absl::OkStatus();
  const std::vector<std::string>& common = hosts.front()->connection.identities;
  std::string problem;
  for (const std::string& path : common) {
    const Identity& identity = identities.Get(path);
    if (identity.problem.empty()) return absl::OkStatus();
    problem = identity.problem;
  }
  const bool all_alike = std::all_of(hosts.begin(), hosts.end(), [&](const inventory::Host* host) {
    const inventory::Connection& given = host->connection;
    return given.identities == common && given.password.empty() && !given.password_source;
  });
  if (problem.empty() || !all_alike) return absl::OkStatus();
  return absl::NotFoundError(fmt::format("identity of all hosts: {}", problem));
}

// Those that fitted, for the further runs of this process: a rollout is many. Of the thread that
// prepares runs.
std::map<std::string, Secret>& GivenPassphrases() {
  static std::map<std::string, Secret> given;
  return given;
}

// Asked before the first host is contacted, once for each key that is not in the agent.
void AskPassphrases(const std::vector<const inventory::Host*>& hosts, RunContext& context) {
  if (isatty(STDIN_FILENO) == 0) return;
  std::set<std::string> paths;
  for (const inventory::Host* host : hosts)
    paths.insert(host->connection.identities.begin(), host->connection.identities.end());
  for (const std::string& path : paths) {
    const Identity& identity = context.identities().Get(path);
    if (!identity.encrypted) continue;
    if (const auto given = GivenPassphrases().find(path); given != GivenPassphrases().end()) {
      context.identities().Unlock(path, given->second).IgnoreError();
      continue;
    }
    const RunContext::Agent* agent = context.AgentOf("");
    if (agent != nullptr && std::find(agent->keys.begin(), agent->keys.end(),
                                      identity.public_blob) != agent->keys.end())
      continue;
    for (int i = 0; i < kPassphraseTries && identity.encrypted; ++i) {
      StatusOr<Secret> passphrase = AskPassphrase(path);
      if (!passphrase.ok() || passphrase->empty()) break;
      // A wrong one is asked for again; the hosts say so when it stays wrong.
      if (context.identities().Unlock(path, *passphrase).ok())
        GivenPassphrases().insert_or_assign(path, *std::move(passphrase));
    }
  }
}

}  // namespace

StatusOr<std::shared_ptr<RunContext>> PrepareRun(const std::vector<const inventory::Host*>& hosts,
                                                 const FleetOptions& options) {
  InitialiseLibrary();
  signal(SIGPIPE, SIG_IGN);
  RaiseDescriptorLimit();
  FS_ASSIGN_OR_RETURN(std::unique_ptr<EventLoop> loop, EventLoop::Create());
  auto context = std::make_shared<RunContext>(std::move(loop), options, ReadLocalUser());
  FS_RETURN_IF_ERROR(CheckCommonIdentities(hosts, context->identities()));
  AskPassphrases(hosts, *context);
  return context;
}

}  // namespace fleetsync::ssh
