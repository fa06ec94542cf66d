#include "controller/status/fleet_source.h"

#include "base/clock_read.h"
#include "controller/status/stored_fleet.h"

namespace fleetsync::status {
StatusOr<FleetSnapshot> StoredFleetSource::Read() {
  FS_ASSIGN_OR_RETURN(const std::vector<db::HostRecord> records, reader_->Fleet());
  return FleetSnapshot{.now = ReadClocks().system, .hosts = InputsOf(expected_, records)};
}

StatusOr<std::vector<db::HostHistory>> StoredFleetSource::History(
    std::span<const std::string> hosts, SystemTime since, SystemTime until, size_t points) {
  return reader_->History(hosts, since, until, points);
}

}  // namespace fleetsync::status
