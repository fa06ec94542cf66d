#include "controller/ssh/fleet.h"

#include <sys/resource.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "controller/ssh/connection.h"
#include "controller/ssh/run_context.h"
#include "controller/ssh/run_setup.h"

namespace fleetsync::ssh {
namespace {

constexpr Duration kLongestTurn = std::chrono::milliseconds(100);  // how late `stop` may be seen
constexpr Duration kLentGrace = std::chrono::seconds(2);

using Make = std::function<std::unique_ptr<Conversation>(const inventory::Host&)>;

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

}  // namespace

Status RunFleet(const std::vector<const inventory::Host*>& hosts, const FleetOptions& options,
                const Make& make, FleetObserver& observer, const std::atomic<bool>& stop) {
  FS_ASSIGN_OR_RETURN(const std::shared_ptr<RunContext> context, PrepareRun(hosts, options));
  Run(context, hosts, make, observer).RunAll(stop);
  return absl::OkStatus();
}

}  // namespace fleetsync::ssh
