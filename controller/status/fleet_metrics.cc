#include "controller/status/fleet_metrics.h"

#include <bit>
#include <functional>
#include <string_view>

#include "fmt/format.h"

namespace fleetsync::status {
namespace {

// Inside "…": the three characters that would end it or mean something else.
std::string LabelValue(std::string_view text) {
  std::string value;
  for (const char c : text) {
    if (c == '\n') {
      value += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') value += '\\';
    value += c;
  }
  return value;
}

class Text {
 public:
  // `unit` is what the name ends with; empty: none.
  void Family(std::string_view name, std::string_view unit, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# TYPE {} gauge\n", name);
    if (!unit.empty()) text_ += fmt::format("# UNIT {} {}\n", name, unit);
    text_ += fmt::format("# HELP {} {}\n", name, help);
  }
  template <class T>
  void Sample(std::string_view labels, T value) {
    text_ += fmt::format("{}{}{}{} {}\n", name_, labels.empty() ? "" : "{", labels,
                         labels.empty() ? "" : "}", value);
  }
  std::string Finish() { return std::move(text_) + "# EOF\n"; }

 private:
  std::string_view name_;
  std::string text_;
};

using ValueOf = std::function<std::optional<double>(const HostView&)>;

void AddPerHost(const FleetView& view, const ValueOf& value_of, Text& text) {
  for (const HostView& host : view.hosts)
    if (const std::optional<double> value = value_of(host))
      text.Sample(fmt::format("host=\"{}\"", LabelValue(host.input.host)), *value);
}

// Of hosts whose last report is new enough: an old value must not look like one of now.
ValueOf OfReading(std::function<std::optional<double>(const Reading&)> value_of) {
  return [value_of = std::move(value_of)](const HostView& host) -> std::optional<double> {
    if (!host.input.reading || host.state == State::kStale || host.state == State::kUnreachable)
      return std::nullopt;
    return value_of(*host.input.reading);
  };
}

std::optional<double> Seconds(const std::optional<Duration>& d) {
  if (!d) return std::nullopt;
  return ToSeconds(*d);
}

double Reachability(uint8_t reach) { return std::popcount(reach) / 8.0; }

void AddStates(const FleetView& view, Text& text) {
  text.Family("fleetsync_hosts", "", "Hosts of the fleet in each state.");
  for (const State state : kStates)
    text.Sample(fmt::format("state=\"{}\"", ToString(state)), view.summary.count(state));
  text.Family("fleetsync_hosts_within_tolerance", "", "Hosts whose clock is right enough.");
  text.Sample("", view.summary.within_tolerance);
  text.Family("fleetsync_host_state", "", "1 for the state that a host is in, 0 for the others.");
  for (const HostView& host : view.hosts)
    for (const State state : kStates)
      text.Sample(
          fmt::format("host=\"{}\",state=\"{}\"", LabelValue(host.input.host), ToString(state)),
          host.state == state ? 1 : 0);
}

void AddPercentiles(const std::optional<Percentiles>& percentiles, Text& text) {
  if (!percentiles) return;
  text.Sample("percentile=\"50\"", ToSeconds(percentiles->p50));
  text.Sample("percentile=\"95\"", ToSeconds(percentiles->p95));
  text.Sample("percentile=\"99\"", ToSeconds(percentiles->p99));
  text.Sample("percentile=\"100\"", ToSeconds(percentiles->max));
}

void AddFleet(const Summary& summary, Text& text) {
  text.Family("fleetsync_offset_magnitude_seconds", "seconds", "Of |offset| over the fleet.");
  AddPercentiles(summary.offset, text);
  text.Family("fleetsync_error_bound_seconds", "seconds", "Of the error bound over the fleet.");
  AddPercentiles(summary.error_bound, text);
  text.Family("fleetsync_agreement_seconds", "seconds", "No two synced clocks differ by more.");
  if (summary.agreement) text.Sample("", ToSeconds(*summary.agreement));
}

void AddOffsets(const FleetView& view, Text& text) {
  text.Family("fleetsync_host_offset_seconds", "seconds",
              "Of the reference from the host's clock: add it to the clock to be right.");
  AddPerHost(view, OfReading([](const Reading& r) { return ToSeconds(r.offset); }), text);
  text.Family("fleetsync_host_error_bound_seconds", "seconds",
              "The true offset is within the offset plus and minus this.");
  AddPerHost(view, OfReading([](const Reading& r) { return ToSeconds(r.error_bound); }), text);
  text.Family("fleetsync_host_measured_offset_seconds", "seconds",
              "The offset as the controller measured it itself.");
  AddPerHost(view, OfReading([](const Reading& r) { return Seconds(r.measured); }), text);
  text.Family("fleetsync_host_measured_error_bound_seconds", "seconds",
              "Error bound of the controller's measurement.");
  AddPerHost(view, OfReading([](const Reading& r) { return Seconds(r.measured_bound); }), text);
}

void AddDetails(const FleetView& view, Text& text) {
  text.Family("fleetsync_host_sync_status", "", "1 when the host follows a source.");
  AddPerHost(view, OfReading([](const Reading& r) -> std::optional<double> {
               return r.leap != 3 && r.stratum < 16 ? 1 : 0;
             }),
             text);
  text.Family("fleetsync_host_stratum", "", "Stratum; 16 is unsynchronised.");
  AddPerHost(view, OfReading([](const Reading& r) -> std::optional<double> {
               if (!r.stratum_known) return std::nullopt;
               return r.stratum;
             }),
             text);
  text.Family("fleetsync_host_reachability_ratio", "ratio",
              "Of the last eight polls of the selected source, those that were answered.");
  AddPerHost(view, OfReading([](const Reading& r) -> std::optional<double> {
               if (!r.reach) return std::nullopt;
               return Reachability(*r.reach);
             }),
             text);
  text.Family("fleetsync_host_frequency_ppms", "ppms", "Correction applied to the clock.");
  AddPerHost(view, OfReading([](const Reading& r) -> std::optional<double> {
               if (!r.frequency) return std::nullopt;
               return r.frequency->value;
             }),
             text);
}

void AddReports(const FleetView& view, Text& text) {
  text.Family("fleetsync_host_last_report_timestamp_seconds", "seconds",
              "When the controller received the host's last report.");
  AddPerHost(
      view,
      [](const HostView& host) -> std::optional<double> {
        if (!host.input.reading) return std::nullopt;
        return ToSeconds(host.input.reading->at.time_since_epoch());
      },
      text);
  text.Family("fleetsync_host_tolerance_seconds", "seconds", "What the clock may be off.");
  AddPerHost(
      view, [](const HostView& host) { return ToSeconds(host.input.tolerance); }, text);
  text.Family("fleetsync_host_stepped", "", "1 when the clock was stepped in the last minutes.");
  AddPerHost(
      view, [](const HostView& host) { return host.marks.stepped ? 1.0 : 0.0; }, text);
}

}  // namespace

std::string FleetMetrics(const FleetView& view) {
  Text text;
  AddStates(view, text);
  AddFleet(view.summary, text);
  AddOffsets(view, text);
  AddDetails(view, text);
  AddReports(view, text);
  return text.Finish();
}

}  // namespace fleetsync::status
