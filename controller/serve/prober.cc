#include "controller/serve/prober.h"

#include <algorithm>
#include <utility>

namespace fleetsync::serve {
namespace {

constexpr Duration kAgentsConnect = std::chrono::seconds(30);

}  // namespace

Prober::Prober(Probe probe, Duration interval, const CurrentFleet& fleet, const AgentTable& agents,
               StoreWriter& store)
    : probe_(std::move(probe)),
      interval_(interval),
      fleet_(fleet),
      agents_(agents),
      store_(store),
      thread_([this] { Run(); }) {}

Prober::~Prober() {
  {
    const MutexLock lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_one();
  thread_.join();
}

// False: it is over.
bool Prober::Wait(Duration wait) {
  const MutexLock lock(mutex_);
  stopped_.wait_for(mutex_, wait, [this] { return stop_.load(); });
  return !stop_;
}

void Prober::Run() {
  for (Duration wait = std::min(interval_, kAgentsConnect); Wait(wait); wait = interval_) {
    const std::set<std::string> hosts = WithoutAgent();
    if (hosts.empty()) continue;
    probe_(
        hosts, [this](db::Report report) { Store(std::move(report)); }, stop_);
  }
}

std::set<std::string> Prober::WithoutAgent() const {
  const auto connected = agents_.Connected();
  std::set<std::string> hosts;
  for (const ServedHost& host : fleet_.Get()->hosts)
    if (!connected.contains(host.name)) hosts.insert(host.name);
  return hosts;
}

// The store says how far the numbering has come: of this process or one before it.
void Prober::Store(db::Report report) {
  db::Arrival arrival{
      .host = report.host, .agent_version = "", .at = report.received, .spool_id = kNumbering};
  store_.Add(std::move(arrival),
             [&store = store_, report = std::move(report)](uint64_t through) mutable {
               report.spool_id = kNumbering;
               report.sequence = through + 1;
               store.Add(Reports{std::move(report)}, [](uint64_t) {});
             });
}

}  // namespace fleetsync::serve
