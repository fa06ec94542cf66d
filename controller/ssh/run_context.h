#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "controller/ssh/agent_client.h"
#include "controller/ssh/blocking_pool.h"
#include "controller/ssh/event_loop.h"
#include "controller/ssh/fleet.h"
#include "controller/ssh/identities.h"
#include "controller/ssh/known_hosts.h"
#include "controller/ssh/secret_store.h"
#include "controller/ssh/target.h"

namespace fleetsync::ssh {

// What all connections of one run share. Belongs to the loop's thread.
class RunContext {
 public:
  RunContext(std::unique_ptr<EventLoop> loop, const FleetOptions& options, LocalUser local);
  RunContext(const RunContext&) = delete;
  RunContext& operator=(const RunContext&) = delete;

  EventLoop& loop() { return *loop_; }
  BlockingPool& pool() { return pool_; }
  SecretStore& secrets() { return secrets_; }
  Identities& identities() { return identities_; }
  std::mt19937_64& random() { return random_; }
  const FleetOptions& options() const { return options_; }
  const LocalUser& local() const { return local_; }
  // `ssh -G` has something to say that differs from ssh's defaults.
  bool ssh_config_matters() const { return ssh_config_matters_; }

  // The files, parsed at their first use. A file that cannot be read fails the hosts that name it.
  StatusOr<KnownHosts*> KnownHostsOf(const std::vector<std::string>& files);
  // Reads them again when they are next asked for: for runs that outlive the files.
  void ForgetKnownHosts() { known_hosts_.clear(); }

  // An ssh-agent and its keys; null when there is none at `identity_agent` (ssh_config's word;
  // empty: $SSH_AUTH_SOCK). Listed once a run.
  struct Agent {
    Agent(std::vector<std::string> blobs, EventLoop& loop, const std::string& path)
        : keys(std::move(blobs)), client(loop, path) {}
    const std::vector<std::string> keys;  // base64 blobs
    AgentClient client;
  };
  Agent* AgentOf(const std::string& identity_agent);
  // Nobody waits for a signature any longer.
  void CloseAgents() { agents_.clear(); }

 private:
  const std::unique_ptr<EventLoop> loop_;
  const FleetOptions options_;
  const LocalUser local_;
  const bool ssh_config_matters_;
  std::mt19937_64 random_;
  Identities identities_;
  std::map<std::vector<std::string>, std::pair<Status, std::unique_ptr<KnownHosts>>> known_hosts_;
  BlockingPool pool_;
  SecretStore secrets_;
  std::map<std::string, std::unique_ptr<Agent>> agents_;
};

}  // namespace fleetsync::ssh
