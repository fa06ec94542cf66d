#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "controller/status/fleet_view.h"
#include "db/reader.h"
#include "db/records.h"

namespace fleetsync::status {

struct FleetSnapshot {
  SystemTime now;  // by the clock that the readings are stamped with
  std::vector<HostInput> hosts;
};

// Where the dashboard's numbers come from: the database of this machine, a controller elsewhere,
// the hosts themselves. May wait for disk and network; used by one thread at a time.
class FleetSource {
 public:
  virtual ~FleetSource() = default;

  virtual StatusOr<FleetSnapshot> Read() = 0;

  // From any thread, once: a Read that waits ends soon, whatever it returns, and none follows.
  virtual void Cancel() {}

  // Of each of `hosts` what happened from `since` to before `until`, in about `points` spans; hosts
  // of which nothing is known may be missing.
  virtual StatusOr<std::vector<db::HostHistory>> History(std::span<const std::string> hosts,
                                                         SystemTime since, SystemTime until,
                                                         size_t points) = 0;
};

// From the database. `expected`: the hosts to show, as InputOf makes them.
class StoredFleetSource : public FleetSource {
 public:
  StoredFleetSource(std::unique_ptr<db::Reader> reader, std::vector<HostInput> expected)
      : reader_(std::move(reader)), expected_(std::move(expected)) {}

  StatusOr<FleetSnapshot> Read() override;
  StatusOr<std::vector<db::HostHistory>> History(std::span<const std::string> hosts,
                                                 SystemTime since, SystemTime until,
                                                 size_t points) override;

 private:
  std::unique_ptr<db::Reader> reader_;
  std::vector<HostInput> expected_;
};

}  // namespace fleetsync::status
