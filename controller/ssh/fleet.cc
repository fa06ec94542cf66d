#include "controller/ssh/fleet.h"

#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "controller/ssh/connection.h"
#include "controller/ssh/run_context.h"
#include "controller/ssh/session.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

constexpr Duration kLongestTurn = std::chrono::milliseconds(100);  // how late `stop` may be seen
constexpr Duration kLentGrace = std::chrono::seconds(2);
constexpr int kPassphraseTries = 3;

using Make = std::function<std::unique_ptr<Conversation>(const inventory::Host&)>;

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

// Sessions that fit under the limit of descriptors; one through a bastion takes three.
size_t SessionsThatFit(size_t wanted) {
  constexpr rlim_t kForOthers = 64;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  const rlim_t free = limit.rlim_cur > kForOthers ? limit.rlim_cur - kForOthers : 4;
  return std::clamp<size_t>(free / 4, 1, wanted);
}

// The hosts of one run: who begins when, who waits for a bastion, who has ended.
class Run : public Connection::Owner {
 public:
  Run(std::shared_ptr<RunContext> context, const std::vector<const inventory::Host*>& hosts,
      const Make& make, FleetObserver& observer)
      : context_(std::move(context)),
        hosts_(hosts),
        make_(make),
        observer_(observer),
        max_sessions_(SessionsThatFit(context_->options().max_sessions)) {}

  void RunAll(const std::atomic<bool>& stop) {
    while (!stop.load() && (next_ < hosts_.size() || !active_.empty())) {
      StartMore();
      if (ended_.empty()) context_->loop().Turn(kLongestTurn);
      Settle();
      observer_.OnTurn(context_->loop().now());
    }
    if (stop.load()) InterruptAll();
    TakeBackLent();
  }

 private:
  struct Bastion {
    size_t in_use = 0;
    std::deque<Connection*> waiting;
  };

  void StartMore() {
    while (next_ < hosts_.size() && setting_up_.size() < context_->options().forks &&
           active_.size() < max_sessions_) {
      const inventory::Host& host = *hosts_[next_++];
      const auto connection = std::make_shared<Connection>(context_, *this, host, make_(host));
      active_.emplace(connection.get(), connection);
      setting_up_.insert(connection.get());
      connection->Begin();
    }
  }

  // Those that ended in this turn are destroyed here, when none of their functions runs.
  void Settle() {
    for (const std::shared_ptr<Connection>& connection : std::exchange(ended_, {})) {
      ReleaseBastion(*connection);
      if (connection->lent()) lent_.push_back(connection);
    }
  }

  void ReleaseBastion(Connection& connection) {
    const auto it = bastions_.find(connection.bastion());
    if (it == bastions_.end()) return;
    Bastion& bastion = it->second;
    const auto waiting = std::find(bastion.waiting.begin(), bastion.waiting.end(), &connection);
    if (waiting != bastion.waiting.end()) {
      bastion.waiting.erase(waiting);
      return;
    }
    --bastion.in_use;
    if (bastion.waiting.empty()) return;
    Connection* next = bastion.waiting.front();
    bastion.waiting.pop_front();
    ++bastion.in_use;
    next->OnBastion();
  }

  void InterruptAll() {
    std::vector<std::shared_ptr<Connection>> active;
    for (const auto& [raw, connection] : active_) active.push_back(connection);
    for (const std::shared_ptr<Connection>& connection : active) connection->Interrupt();
    for (const std::shared_ptr<Connection>& connection : std::exchange(ended_, {}))
      if (connection->lent()) lent_.push_back(connection);
    const Failure failure{.stage = Stage::kResolve,
                          .fault = Fault::kInterrupted,
                          .detail = "interrupted before the host was contacted",
                          .next_step = ""};
    for (; next_ < hosts_.size(); ++next_) {
      const std::unique_ptr<Conversation> conversation = make_(*hosts_[next_]);
      conversation->OnFailed(failure);
      observer_.OnHostDone(*hosts_[next_], *conversation, &failure);
    }
  }

  void TakeBackLent() {
    if (lent_.empty()) return;
    context_->CloseAgents();
    const MonoTime end = context_->loop().now().mono + kLentGrace;
    const auto is_lent = [](const auto& connection) { return connection->lent(); };
    while (std::any_of(lent_.begin(), lent_.end(), is_lent) && context_->loop().now().mono < end)
      context_->loop().Turn(kLongestTurn);
  }

  void OnStage(Connection& connection, Stage stage) override {
    observer_.OnStage(connection.host(), stage);
  }

  void OnNeedsBastion(Connection& connection, const std::string& name) override {
    Bastion& bastion = bastions_[name];
    if (bastion.in_use < context_->options().sessions_per_bastion) {
      ++bastion.in_use;
      connection.OnBastion();
    } else {
      setting_up_.erase(&connection);  // others need not wait for this bastion
      bastion.waiting.push_back(&connection);
    }
  }

  void OnSetUp(Connection& connection) override { setting_up_.erase(&connection); }

  void OnEnded(Connection& connection) override {
    setting_up_.erase(&connection);
    const auto it = active_.find(&connection);
    ended_.push_back(std::move(it->second));
    active_.erase(it);
    observer_.OnHostDone(connection.host(), connection.conversation(), connection.failure());
  }

  const std::shared_ptr<RunContext> context_;
  const std::vector<const inventory::Host*>& hosts_;
  const Make& make_;
  FleetObserver& observer_;
  const size_t max_sessions_;
  size_t next_ = 0;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> active_;
  std::set<Connection*> setting_up_;
  std::map<std::string, Bastion> bastions_;
  std::vector<std::shared_ptr<Connection>> ended_, lent_;
};

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

// Asked before the first host is contacted, once for each key that is not in the agent.
// Those that fitted, for the further runs of this process: a rollout is many. Of the thread that
// calls RunFleet.
std::map<std::string, Secret>& GivenPassphrases() {
  static std::map<std::string, Secret> given;
  return given;
}

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

Status RunFleet(const std::vector<const inventory::Host*>& hosts, const FleetOptions& options,
                const Make& make, FleetObserver& observer, const std::atomic<bool>& stop) {
  InitialiseLibrary();
  signal(SIGPIPE, SIG_IGN);
  RaiseDescriptorLimit();
  FS_ASSIGN_OR_RETURN(std::unique_ptr<EventLoop> loop, EventLoop::Create());
  const auto context = std::make_shared<RunContext>(std::move(loop), options, ReadLocalUser());
  FS_RETURN_IF_ERROR(CheckCommonIdentities(hosts, context->identities()));
  AskPassphrases(hosts, *context);
  Run(context, hosts, make, observer).RunAll(stop);
  return absl::OkStatus();
}

}  // namespace fleetsync::ssh
