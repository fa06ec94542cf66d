#include <cmath>
#include <vector>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/status/csv.h"
#include "controller/status/fleet_json.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

constexpr std::string_view kHeading =
    "host,groups,state,marks,within_tolerance,tolerance_ns,at,age_ms,offset_ns,error_bound_ns,"
    "stratum,leap,reach,source,frequency_ppb,daemon,measured_offset_ns,measured_error_bound_ns,"
    "failure\n";

std::string MarkNames(const Marks& marks) {
  std::vector<std::string> names;
  if (marks.stepped) names.emplace_back("stepped");
  if (marks.falseticker) names.emplace_back("falseticker");
  if (marks.contradicted) names.emplace_back("contradicted");
  if (marks.free_running) names.emplace_back("free-running");
  return Join(names, " ");
}

template <class T>
std::string CountOf(const std::optional<T>& value) {
  return value ? fmt::format("{}", value->count()) : "";
}

void AddReading(const Reading& reading, Duration age, std::vector<std::string>& fields) {
  const auto add = [&fields](const auto& value) { fields.push_back(fmt::format("{}", value)); };
  add(FormatTime(reading.at));
  add(std::chrono::floor<std::chrono::milliseconds>(age).count());
  add(reading.offset.count());
  add(reading.error_bound.count());
  add(reading.stratum_known ? fmt::format("{}", reading.stratum) : "");
  add(int{reading.leap});
  add(reading.reach ? fmt::format("{}", *reading.reach) : "");
  add(Printable(reading.source));
  add(reading.frequency ? fmt::format("{}", std::llround(reading.frequency->value * 1e3)) : "");
  add(Printable(reading.daemon));
  add(CountOf(reading.measured));
  add(CountOf(reading.measured_bound));
}

}  // namespace

std::string FleetCsv(const FleetView& view) {
  constexpr size_t kReadingFields = 12;
  std::string text(kHeading);
  for (const HostView& host : view.hosts) {
    const HostInput& input = host.input;
    std::vector<std::string> fields = {Printable(input.host),
                                       Join(input.groups, " "),
                                       std::string(ToString(host.state)),
                                       MarkNames(host.marks),
                                       host.within_tolerance ? "1" : "0",
                                       fmt::format("{}", input.tolerance.count())};
    if (input.reading) {
      AddReading(*input.reading, host.age, fields);
    } else {
      fields.resize(fields.size() + kReadingFields);
    }
    fields.push_back(Printable(input.failure));
    text += CsvLine(fields);
  }
  return text;
}

}  // namespace fleetsync::status
