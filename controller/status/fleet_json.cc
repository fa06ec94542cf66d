#include "controller/status/fleet_json.h"

#include <cmath>
#include <cstdint>

#include "base/time_text.h"
#include "controller/status/fleet_text.h"
#include "nlohmann/json.hpp"

namespace fleetsync::status {
namespace {

using nlohmann::ordered_json;

template <class T, class F>
ordered_json OrNull(const std::optional<T>& value, F&& convert) {
  return value ? ordered_json(convert(*value)) : ordered_json(nullptr);
}

int64_t Nanoseconds(Duration d) { return d.count(); }

int64_t Milliseconds(Duration d) {
  return std::chrono::floor<std::chrono::milliseconds>(d).count();
}

ordered_json PercentilesJson(const Percentiles& p) {
  return {{"p50", p.p50.count()},
          {"p95", p.p95.count()},
          {"p99", p.p99.count()},
          {"max", p.max.count()}};
}

// "free-running" as a field's name.
std::string FieldOf(State state) {
  std::string name(ToString(state));
  for (char& c : name)
    if (c == '-') c = '_';
  return name;
}

ordered_json SummaryJson(const Summary& summary) {
  ordered_json json = {{"headline", Headline(summary)},
                       {"expected", summary.expected},
                       {"reporting", summary.reporting},
                       {"within_tolerance", summary.within_tolerance}};
  for (const State state : kStates) json[FieldOf(state)] = summary.count(state);
  json["agreement_ns"] = OrNull(summary.agreement, Nanoseconds);
  json["offset_ns"] = OrNull(summary.offset, PercentilesJson);
  json["error_bound_ns"] = OrNull(summary.error_bound, PercentilesJson);
  json["measurement_doubtful"] = summary.measurement_doubtful;
  return json;
}

ordered_json ReadingJson(const Reading& reading, Duration age) {
  const auto milli_ppm = [](Ppm ppm) { return std::llround(ppm.value * 1e3); };
  ordered_json stratum = reading.stratum;
  if (!reading.stratum_known) stratum = nullptr;
  ordered_json json = {{"at", FormatTime(reading.at)},
                       {"age_ms", Milliseconds(age)},
                       {"offset_ns", reading.offset.count()},
                       {"error_bound_ns", reading.error_bound.count()},
                       {"stratum", std::move(stratum)},
                       {"leap", reading.leap},
                       {"reach", OrNull(reading.reach, [](uint8_t reach) { return reach; })},
                       {"source", reading.source},
                       {"frequency_ppb", OrNull(reading.frequency, milli_ppm)},
                       {"daemon", reading.daemon},
                       {"holdover", reading.holdover}};
  if (reading.measured) json["measured_offset_ns"] = reading.measured->count();
  if (reading.measured_bound) json["measured_error_bound_ns"] = reading.measured_bound->count();
  if (reading.measured_at) json["measured_at"] = FormatTime(*reading.measured_at);
  return json;
}

ordered_json MarksJson(const Marks& marks) {
  ordered_json json = ordered_json::array();
  if (marks.stepped) json.push_back("stepped");
  if (marks.falseticker) json.push_back("falseticker");
  if (marks.contradicted) json.push_back("contradicted");
  if (marks.free_running) json.push_back("free-running");
  return json;
}

ordered_json EventsJson(const std::vector<Event>& events) {
  ordered_json json = ordered_json::array();
  for (const Event& event : events)
    json.push_back({{"at", FormatTime(event.at)},
                    {"kind", ToString(event.kind)},
                    {"amount_ns", event.amount.count()},
                    {"text", Describe(event)}});
  return json;
}

ordered_json RecentJson(const std::vector<db::HistoryPoint>& recent) {
  ordered_json json = ordered_json::array();
  for (const db::HistoryPoint& point : recent)
    json.push_back({{"at", FormatTime(point.at)},
                    {"reports", point.reports},
                    {"synchronised", point.synchronised},
                    {"offset_mean_ns", point.offset_mean.count()},
                    {"error_bound_max_ns", point.error_bound_max.count()}});
  return json;
}

ordered_json HostJson(const HostView& host) {
  const HostInput& input = host.input;
  ordered_json json = {{"host", input.host},
                       {"groups", input.groups},
                       {"state", ToString(host.state)},
                       {"marks", MarksJson(host.marks)},
                       {"within_tolerance", host.within_tolerance},
                       {"tolerance_ns", input.tolerance.count()}};
  json["reading"] = input.reading ? ReadingJson(*input.reading, host.age) : ordered_json(nullptr);
  json["failure"] = input.failure.empty() ? ordered_json(nullptr) : ordered_json(input.failure);
  json["events"] = EventsJson(input.events);
  json["recent"] = RecentJson(input.recent);
  return json;
}

}  // namespace

std::string FleetJson(const FleetView& view) {
  ordered_json json = {{"version", 1}, {"at", FormatTime(view.now)}};
  json["summary"] = SummaryJson(view.summary);
  json["hosts"] = ordered_json::array();
  for (const HostView& host : view.hosts) json["hosts"].push_back(HostJson(host));
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace fleetsync::status
