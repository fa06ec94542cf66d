#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/time.h"
#include "controller/serve/ingest.h"

namespace fleetsync::serve {

// What the service knows of the inventory.
struct ServedHost {
  std::string name;
  std::vector<std::string> groups{};
  Duration tolerance = std::chrono::milliseconds(10);
};
struct ServedFleet {
  std::vector<ServedHost> hosts;  // in the inventory's order
  HostNames names;                // of them

  static ServedFleet Of(std::vector<ServedHost> hosts) {
    ServedFleet fleet;
    for (const ServedHost& host : hosts) fleet.names.insert(host.name);
    fleet.hosts = std::move(hosts);
    return fleet;
  }
};

// The newest inventory. Any thread.
class CurrentFleet {
 public:
  explicit CurrentFleet(ServedFleet fleet) { Set(std::move(fleet)); }

  std::shared_ptr<const ServedFleet> Get() const {
    const MutexLock lock(mutex_);
    return fleet_;
  }
  void Set(ServedFleet fleet) {
    auto next = std::make_shared<const ServedFleet>(std::move(fleet));
    const MutexLock lock(mutex_);
    fleet_ = std::move(next);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const ServedFleet> fleet_ FS_GUARDED_BY(mutex_);
};

}  // namespace fleetsync::serve
