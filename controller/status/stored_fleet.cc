#include "controller/status/stored_fleet.h"

#include <map>
#include <string_view>

namespace fleetsync::status {
namespace {

Reading ReadingOf(const db::Report& report) {
  const db::Source* selected = db::Selected(report);
  return {.at = report.received,
          .offset = report.offset,
          .error_bound = report.error_bound,
          .stratum = report.stratum,
          .leap = report.leap,
          .reach = selected == nullptr ? uint8_t{0} : selected->reach,
          .source = selected == nullptr ? "" : selected->name,
          .frequency = Ppm{static_cast<double>(report.frequency_ppb) / 1e3},
          .daemon = report.daemon};
}

}  // namespace

HostInput InputOf(const inventory::Host& host) {
  return {.host = host.name,
          .groups = host.groups,
          .tolerance = host.time.tolerance,
          .reading = std::nullopt,
          .failure = {}};
}

std::vector<HostInput> StoredFleet(std::span<const inventory::Host* const> hosts,
                                   std::span<const db::HostRecord> records) {
  std::map<std::string_view, const db::Report*> reports;
  for (const db::HostRecord& record : records)
    if (record.has_report) reports.emplace(record.host, &record.report);

  std::vector<HostInput> inputs;
  inputs.reserve(hosts.size());
  for (const inventory::Host* host : hosts) {
    HostInput input = InputOf(*host);
    if (const auto it = reports.find(host->name); it != reports.end())
      input.reading = ReadingOf(*it->second);
    inputs.push_back(std::move(input));
  }
  return inputs;
}

}  // namespace fleetsync::status
