#include "controller/cli/live_probe.h"

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "controller/cli/live_hosts.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

void Warn(const std::string& text) { PrintError("probing: " + Printable(text)); }

db::Report ReportOf(const LiveHost& host) {
  const status::Reading& reading = *host.input.reading;
  db::Report report;
  report.host = host.input.host;
  report.received = reading.at;
  report.host_time = reading.at - reading.offset;
  report.offset = reading.offset;
  report.error_bound = reading.error_bound;
  report.stratum = reading.stratum_known ? reading.stratum : db::kStratumNotTold;
  report.leap = reading.leap;
  if (reading.frequency) report.frequency_ppb = std::llround(reading.frequency->value * 1e3);
  report.daemon = reading.daemon;
  report.sources = host.input.sources;
  report.holdover = reading.holdover;
  return report;
}

std::optional<Chosen> Choose(const Context& context, const std::set<std::string>& names) {
  std::optional<inventory::Inventory> inventory = LoadInventory(context);
  if (!inventory) return std::nullopt;
  Chosen chosen{.inventory = *std::move(inventory), .hosts = {}};
  for (const inventory::Host& host : chosen.inventory.hosts)
    if (names.contains(host.name)) chosen.hosts.push_back(&host);
  return chosen;
}

}  // namespace

serve::Probe ProbeOverSsh(const Context& context) {
  return [&context](const std::set<std::string>& names,
                    const std::function<void(db::Report)>& learnt, const std::atomic<bool>& stop) {
    const std::optional<Chosen> chosen = Choose(context, names);
    if (!chosen) return;
    const auto reference = FindReference(*chosen, stop, Warn);
    const StatusOr<std::vector<LiveHost>> hosts =
        AskHosts(context, *chosen, reference, nullptr, stop);
    if (!hosts.ok()) return Warn(Message(hosts.status()));
    for (const LiveHost& host : *hosts) {
      if (!host.input.failure.empty()) {
        Warn(fmt::format("{}: {}", host.input.host, host.input.failure));
      } else if (host.input.reading) {
        learnt(ReportOf(host));
      }
    }
  };
}

}  // namespace fleetsync::cli
