#include "controller/tunnel/reverse_forwards.h"

#include <signal.h>

#include <algorithm>
#include <random>
#include <utility>

#include "controller/ssh/dialer.h"
#include "controller/ssh/run_setup.h"
#include "fmt/format.h"

namespace fleetsync::tunnel {
namespace {

constexpr Duration kLongestTurn = std::chrono::seconds(1);  // how late `stop` may be seen
constexpr Duration kLentGrace = std::chrono::seconds(2);

bool ConcernsHostKey(ssh::Fault fault) {
  return fault == ssh::Fault::kHostKeyUnknown || fault == ssh::Fault::kHostKeyChanged;
}

}  // namespace

// Asks for the port and waits.
class ReverseForwards::Talk : public ssh::Conversation {
 public:
  Talk(ReverseForwards& owner, Line& line) : owner_(owner), line_(line) {}

  Next OnReady(Now) override {
    return Forward{.host_port = owner_.options_.host_port,
                   .to = owner_.options_.to,
                   .to_port = owner_.options_.to_port,
                   .keepalive = owner_.options_.keepalive};
  }
  Next OnOutput(Now, std::string_view, bool) override { return Wait{}; }
  Next OnExit(Now, const ssh::Exit&) override { return Done{}; }
  void OnForwarding(Now now) override { owner_.OnForwarding(line_, now); }
  void OnForwardDialed(int error) override { owner_.OnDialed(error); }
  void OnFailed(const ssh::Failure&) override {}

 private:
  ReverseForwards& owner_;
  Line& line_;
};

StatusOr<std::unique_ptr<ReverseForwards>> ReverseForwards::Create(
    const std::vector<const inventory::Host*>& hosts, const ForwardOptions& options,
    Observer& observer) {
  if (!ssh::ParseAddress(options.to, options.to_port))
    return absl::InvalidArgumentError(
        fmt::format("'{}' is not a numeric address to lead hosts to", options.to));
  FS_ASSIGN_OR_RETURN(std::shared_ptr<ssh::RunContext> context,
                      ssh::PrepareRun(hosts, options.fleet));
  return std::unique_ptr<ReverseForwards>(
      new ReverseForwards(std::move(context), hosts, options, observer));
}

ReverseForwards::ReverseForwards(std::shared_ptr<ssh::RunContext> context,
                                 const std::vector<const inventory::Host*>& hosts,
                                 const ForwardOptions& options, Observer& observer)
    : context_(std::move(context)), options_(options), observer_(observer) {
  for (const inventory::Host* host : hosts) {
    Line& line = lines_[host->name];
    line.host = host;
    line.retry = options.first_retry;
    queue_.push_back(&line);
    line.queued = true;
  }
  untried_ = lines_.size();
}

ReverseForwards::~ReverseForwards() { Stop(); }

void ReverseForwards::Run(const std::atomic<bool>& stop) {
  while (!stop.load()) {
    BeginMore();
    if (ended_.empty()) context_->loop().Turn(kLongestTurn);
    Settle();
  }
  End();
}

void ReverseForwards::Wake() {
  context_->loop().mailbox()->Post([] {});
}

void ReverseForwards::Start() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { Run(stop_); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ReverseForwards::Stop() {
  if (!thread_.joinable()) return;
  stop_ = true;
  Wake();
  thread_.join();
}

void ReverseForwards::BeginMore() {
  while (!queue_.empty() && setting_up_.size() < options_.fleet.forks) {
    Line& line = *queue_.front();
    queue_.pop_front();
    line.queued = false;
    Begin(line);
  }
}

void ReverseForwards::Begin(Line& line) {
  ssh::Connection::Owner& owner = *this;
  line.connection = std::make_shared<ssh::Connection>(context_, owner, *line.host,
                                                      std::make_unique<Talk>(*this, line));
  setting_up_[line.connection.get()] = &line;
  line.connection->Begin();
}

// Those that ended in this turn are destroyed here, when none of their functions runs.
void ReverseForwards::Settle() {
  for (const std::shared_ptr<ssh::Connection>& connection : std::exchange(ended_, {})) {
    ReleaseBastion(*connection);
    if (connection->lent()) lent_.push_back(connection);
  }
  std::erase_if(lent_, [](const auto& connection) { return !connection->lent(); });
}

void ReverseForwards::End() {
  ending_ = true;
  for (auto& [name, line] : lines_)
    if (line.connection != nullptr) line.connection->Interrupt();
  Settle();
  if (lent_.empty()) return;
  context_->CloseAgents();
  const MonoTime end = context_->loop().now().mono + kLentGrace;
  while (!lent_.empty() && context_->loop().now().mono < end) {
    context_->loop().Turn(kLongestTurn);
    Settle();
  }
}

void ReverseForwards::OnForwarding(Line& line, Now now) {
  line.forwarding_since = now.mono;
  line.told.clear();
  ReleaseBastion(*line.connection);
  observer_.OnForwarding(*line.host);
  OnTried(line);
}

void ReverseForwards::OnDialed(int error) {
  if (last_dial_ == error || (!last_dial_ && error == 0)) return;
  last_dial_ = error;
  observer_.OnReachedHere(error);
}

void ReverseForwards::OnTried(Line& line) {
  if (std::exchange(line.tried, true) || --untried_ > 0) return;
  observer_.OnFirstRoundOver(
      static_cast<size_t>(std::count_if(lines_.begin(), lines_.end(), [](const auto& entry) {
        return entry.second.forwarding_since.has_value();
      })));
}

void ReverseForwards::OnEnded(ssh::Connection& connection) {
  setting_up_.erase(&connection);
  Line& line = lines_.at(connection.host().name);
  ended_.push_back(std::move(line.connection));
  const std::optional<MonoTime> since = std::exchange(line.forwarding_since, std::nullopt);
  if (ending_) return;
  const ssh::Failure& failure = *connection.failure();
  if (since && context_->loop().now().mono - *since > options_.longest_retry)
    line.retry = options_.first_retry;
  // The operator may have mended the file meanwhile.
  if (ConcernsHostKey(failure.fault)) context_->ForgetKnownHosts();
  if (std::string text = ToString(failure); text != line.told) {
    line.told = std::move(text);
    observer_.OnFailed(*line.host, failure);
  }
  OnTried(line);
  TryAgain(line);
}

// Half as much again or as little: hosts that were lost together do not come back together.
void ReverseForwards::TryAgain(Line& line) {
  std::uniform_real_distribution<double> jitter(0.5, 1.5);
  const Duration wait = FromSeconds(ToSeconds(line.retry) * jitter(context_->random()));
  line.retry = std::min(line.retry * 2, options_.longest_retry);
  context_->loop().After(wait, [this, &line] {
    if (std::exchange(line.queued, true)) return;
    queue_.push_back(&line);
  });
}

void ReverseForwards::OnSetUp(ssh::Connection& connection) { setting_up_.erase(&connection); }

void ReverseForwards::OnNeedsBastion(ssh::Connection& connection, const std::string& name) {
  Bastion& bastion = bastions_[name];
  bastion_places_[&connection] = name;
  if (bastion.in_use < options_.fleet.sessions_per_bastion) {
    ++bastion.in_use;
    connection.OnBastion();
  } else {
    setting_up_.erase(&connection);  // others need not wait for this bastion
    bastion.waiting.push_back(&connection);
  }
}

// A connection needs its place only until it is made: it then holds for days.
void ReverseForwards::ReleaseBastion(ssh::Connection& connection) {
  const auto place = bastion_places_.find(&connection);
  if (place == bastion_places_.end()) return;
  Bastion& bastion = bastions_[place->second];
  bastion_places_.erase(place);
  const auto waiting = std::find(bastion.waiting.begin(), bastion.waiting.end(), &connection);
  if (waiting != bastion.waiting.end()) {
    bastion.waiting.erase(waiting);
    return;
  }
  --bastion.in_use;
  if (bastion.waiting.empty() || ending_) return;
  ssh::Connection* next = bastion.waiting.front();
  bastion.waiting.pop_front();
  ++bastion.in_use;
  next->OnBastion();
}

}  // namespace fleetsync::tunnel
