#pragma once

#include <atomic>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "base/time.h"
#include "controller/serve/agent_table.h"
#include "controller/serve/served_fleet.h"
#include "controller/serve/store_writer.h"
#include "db/records.h"

namespace fleetsync::serve {

// Asks these hosts over SSH; `learnt` is called on the caller's thread for each that answered, with
// a report without number. Returns soon once `stop` is set.
using Probe = std::function<void(const std::set<std::string>& hosts,
                                 const std::function<void(db::Report)>& learnt,
                                 const std::atomic<bool>& stop)>;

// Looks at the hosts that no agent speaks for, on a thread of its own, again and again. What it
// learns is stored as reports of a numbering of its own, beside that of the host's agent.
class Prober {
 public:
  // All outlive it. The first look waits for agents to connect, half a minute or `interval`.
  Prober(Probe probe, Duration interval, const CurrentFleet& fleet, const AgentTable& agents,
         StoreWriter& store);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  static constexpr char kNumbering[] = "ssh";

 private:
  void Run();
  bool Wait(Duration wait);
  std::set<std::string> WithoutAgent() const;
  void Store(db::Report report);

  const Probe probe_;
  const Duration interval_;
  const CurrentFleet& fleet_;
  const AgentTable& agents_;
  StoreWriter& store_;
  std::atomic<bool> stop_{false};
  Mutex mutex_;
  std::condition_variable_any stopped_;
  std::thread thread_;
};

}  // namespace fleetsync::serve
