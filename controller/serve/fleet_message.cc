#include "controller/serve/fleet_message.h"

#include <chrono>
#include <map>
#include <string_view>

namespace fleetsync::serve {
namespace {

uint64_t Microseconds(Duration d) {
  return static_cast<uint64_t>(std::chrono::floor<std::chrono::microseconds>(d).count());
}
uint64_t Microseconds(SystemTime t) { return Microseconds(t.time_since_epoch()); }
uint64_t Nanoseconds(Duration d) { return static_cast<uint64_t>(d.count()); }

v1::Leap LeapOf(uint8_t leap) {
  return static_cast<v1::Leap>(leap <= 2 ? leap + v1::LEAP_NONE : v1::LEAP_UNSYNCHRONISED);
}

// Gives the texts of one report their numbers.
class Texts {
 public:
  explicit Texts(v1::Report& report) : report_(report) {}

  uint32_t Tell(const std::string& text) {
    if (text.empty()) return 0;
    const auto [it, added] = ids_.emplace(text, static_cast<uint32_t>(ids_.size() + 1));
    if (added) {
      v1::Text& told = *report_.add_texts();
      told.set_id(it->second);
      told.set_text(text);
    }
    return it->second;
  }

 private:
  v1::Report& report_;
  std::map<std::string, uint32_t> ids_;
};

void Fill(const db::Source& from, Texts& texts, v1::Source& source) {
  source.set_name(texts.Tell(from.name));
  source.set_address(texts.Tell(from.address));
  source.set_state(static_cast<v1::SourceState>(from.state));
  source.set_stratum(from.stratum);
  source.set_reach(from.reach);
  source.set_poll(from.poll);
  source.set_offset_ns(from.offset.count());
  source.set_delay_ns(Nanoseconds(from.delay));
  source.set_jitter_ns(Nanoseconds(from.jitter));
  source.set_last_sample_age_ms(static_cast<uint32_t>(
      std::chrono::floor<std::chrono::milliseconds>(from.last_sample_age).count()));
}

void Fill(const db::Event& from, v1::Event& event) {
  event.set_kind(static_cast<v1::EventKind>(from.kind));
  event.set_host_time_us(Microseconds(from.host_time));
  event.set_amount_ns(from.amount.count());
  event.set_text(from.text);
}

void Fill(const db::HostRecord& record, v1::FleetHost& host) {
  host.set_agent_version(record.agent_version);
  host.set_first_seen_us(Microseconds(record.first_seen));
  host.set_last_seen_us(Microseconds(record.last_seen));
  host.set_stored_through(record.stored_through);
  if (!record.has_report) return;
  *host.mutable_report() = ToMessage(record.report);
  host.set_received_us(Microseconds(record.report.received));
}

}  // namespace

v1::Report ToMessage(const db::Report& from) {
  v1::Report report;
  Texts texts(report);
  report.set_sequence(from.sequence);
  report.set_host_time_us(Microseconds(from.host_time));
  report.set_monotonic_us(Microseconds(from.monotonic));
  report.set_offset_ns(from.offset.count());
  report.set_error_bound_ns(Nanoseconds(from.error_bound));
  report.set_stratum(from.stratum);
  report.set_leap(LeapOf(from.leap));
  report.set_frequency_ppb(from.frequency_ppb);
  report.set_root_delay_ns(Nanoseconds(from.root_delay));
  report.set_root_dispersion_ns(Nanoseconds(from.root_dispersion));
  report.set_jitter_ns(Nanoseconds(from.jitter));
  report.set_daemon(texts.Tell(from.daemon));
  report.set_boot_id(texts.Tell(from.boot_id));
  report.set_holdover(from.holdover);
  for (const db::Source& source : from.sources) Fill(source, texts, *report.add_sources());
  for (const db::Event& event : from.events) Fill(event, *report.add_events());
  return report;
}

v1::GetFleetResponse FleetMessage(const ServedFleet& fleet,
                                  const std::vector<db::HostRecord>& records,
                                  const std::set<std::string, std::less<>>& connected,
                                  SystemTime now) {
  std::map<std::string_view, const db::HostRecord*> of_host;
  for (const db::HostRecord& record : records) of_host[record.host] = &record;
  v1::GetFleetResponse response;
  response.set_now_us(Microseconds(now));
  for (const ServedHost& served : fleet.hosts) {
    v1::FleetHost& host = *response.add_hosts();
    host.set_host(served.name);
    for (const std::string& group : served.groups) host.add_groups(group);
    host.set_tolerance_ns(Nanoseconds(served.tolerance));
    host.set_connected(connected.contains(served.name));
    const auto it = of_host.find(served.name);
    if (it != of_host.end()) Fill(*it->second, host);
  }
  return response;
}

}  // namespace fleetsync::serve
