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
  event.set_at_us(Microseconds(from.at));
}

void Fill(const db::HistoryPoint& from, v1::HistoryPoint& point) {
  point.set_at_us(Microseconds(from.at));
  point.set_span_us(Microseconds(from.span));
  point.set_reports(from.reports);
  point.set_synchronised(from.synchronised);
  point.set_offset_min_ns(from.offset_min.count());
  point.set_offset_max_ns(from.offset_max.count());
  point.set_offset_mean_ns(from.offset_mean.count());
  point.set_offset_p50_ns(Nanoseconds(from.offset_p50));
  point.set_offset_p95_ns(Nanoseconds(from.offset_p95));
  point.set_offset_p99_ns(Nanoseconds(from.offset_p99));
  point.set_error_bound_max_ns(Nanoseconds(from.error_bound_max));
  point.set_frequency_mean_ppb(from.frequency_mean_ppb);
}

void FillNews(const db::HostRecord& record, v1::FleetHost& host) {
  if (record.measurement) {
    v1::Measurement& measurement = *host.mutable_measurement();
    measurement.set_at_us(Microseconds(record.measurement->at));
    measurement.set_offset_ns(record.measurement->offset.count());
    measurement.set_error_bound_ns(Nanoseconds(record.measurement->error_bound));
  }
  for (const db::Event& event : record.events) Fill(event, *host.add_events());
  for (const db::HistoryPoint& point : record.recent) {
    v1::Recent& recent = *host.add_recent();
    recent.set_at_us(Microseconds(point.at));
    recent.set_offset_ns(point.offset_mean.count());
    recent.set_error_bound_ns(Nanoseconds(point.error_bound_max));
  }
}

void Fill(const db::HostRecord& record, v1::FleetHost& host) {
  host.set_agent_version(record.agent_version);
  host.set_first_seen_us(Microseconds(record.first_seen));
  host.set_last_seen_us(Microseconds(record.last_seen));
  host.set_stored_through(record.stored_through);
  FillNews(record, host);
  if (!record.has_report) return;
  *host.mutable_report() = ToMessage(record.report);
  host.set_received_us(Microseconds(record.report.received));
  host.set_report_at_us(Microseconds(record.report.at));
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

v1::GetHistoryResponse HistoryMessage(const std::vector<db::HostHistory>& hosts) {
  v1::GetHistoryResponse response;
  for (const db::HostHistory& from : hosts) {
    v1::HostHistory& host = *response.add_hosts();
    host.set_host(from.host);
    for (const db::HistoryPoint& point : from.points) Fill(point, *host.add_points());
    for (const db::Event& event : from.events) Fill(event, *host.add_events());
  }
  return response;
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
