#include "controller/status/fleet_metrics.h"

#include <map>
#include <set>

#include "base/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/status/fleet_builder.h"

namespace fleetsync::status {
namespace {

using namespace std::chrono_literals;

// OpenMetrics, as far as gauges need it. Fails the test where the text is not in that form.
struct Metrics {
  std::map<std::string, double> samples;  // by name and labels, unescaped, as "name|label=value|…"
};

// `at` is behind the opening brace; left behind the closing one.
std::string ParseLabels(const std::string& line, size_t& at) {
  std::string labels;
  while (line.at(at) != '}') {
    const size_t equals = line.find("=\"", at);
    labels += '|' + line.substr(at, equals - at) + '=';
    for (at = equals + 2; line.at(at) != '"'; ++at) {
      if (line[at] == '\\') {
        ++at;
        EXPECT_TRUE(line.at(at) == '\\' || line[at] == '"' || line[at] == 'n') << line;
        labels += line[at] == 'n' ? '\n' : line[at];
      } else {
        labels += line[at];
      }
    }
    ++at;
    if (line.at(at) == ',') ++at;
  }
  ++at;
  return labels;
}

Metrics Parse(const std::string& text) {
  Metrics metrics;
  std::set<std::string> families;
  std::string family;
  EXPECT_TRUE(text.ends_with("\n# EOF\n"));
  for (const std::string_view view : Split(text, '\n')) {
    const std::string line(view);
    if (line.starts_with("# TYPE ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_TRUE(families.insert(family).second) << family << " twice";
    }
    if (line.starts_with("# UNIT ")) {
      EXPECT_TRUE(family.ends_with(line.substr(line.rfind(' ') + 1))) << line;
    }
    if (line.empty() || line[0] == '#') continue;
    size_t at = line.find_first_of("{ ");
    EXPECT_EQ(line.substr(0, at), family) << "between its own TYPE and the next";
    std::string key = family;
    if (line.at(at) == '{') key += ParseLabels(line, ++at);
    EXPECT_EQ(line.at(at), ' ') << line;
    EXPECT_TRUE(metrics.samples.emplace(key, std::stod(line.substr(at + 1))).second) << line;
  }
  return metrics;
}

TEST(FleetMetrics, SecondsAndStatesOfEveryHost) {
  HostInput measured = HostAt("web01", 1200us, 900us);
  measured.reading->measured = 1ms;
  measured.reading->measured_bound = 2ms;
  measured.reading->reach = 0017;
  const std::vector<HostInput> hosts = {measured, HostAt("web02", -130ms, 1ms), SilentHost("web03"),
                                        HostAt("web04", 5s, 1ms, 1h)};
  const auto samples = Parse(FleetMetrics(BuildFleetView(hosts, kNow, {}))).samples;
  EXPECT_DOUBLE_EQ(samples.at("fleetsync_host_offset_seconds|host=web01"), 0.0012);
  EXPECT_DOUBLE_EQ(samples.at("fleetsync_host_offset_seconds|host=web02"), -0.13);
  EXPECT_DOUBLE_EQ(samples.at("fleetsync_host_error_bound_seconds|host=web01"), 0.0009);
  EXPECT_DOUBLE_EQ(samples.at("fleetsync_host_measured_offset_seconds|host=web01"), 0.001);
  EXPECT_DOUBLE_EQ(samples.at("fleetsync_host_reachability_ratio|host=web01"), 0.5);
  EXPECT_DOUBLE_EQ(samples.at("fleetsync_host_frequency_ppms|host=web01"), -1.234);
  EXPECT_DOUBLE_EQ(samples.at("fleetsync_host_last_report_timestamp_seconds|host=web01"),
                   1'789'999'995);
  EXPECT_EQ(samples.at("fleetsync_host_state|host=web02|state=off"), 1);
  EXPECT_EQ(samples.at("fleetsync_host_state|host=web02|state=synced"), 0);
  EXPECT_EQ(samples.at("fleetsync_hosts|state=stale"), 1);
  EXPECT_EQ(samples.at("fleetsync_hosts_within_tolerance"), 1);
  EXPECT_DOUBLE_EQ(samples.at("fleetsync_offset_magnitude_seconds|percentile=100"), 0.13);
  EXPECT_FALSE(samples.contains("fleetsync_host_offset_seconds|host=web04"))
      << "what a stale host said last is no number of now";
  EXPECT_FALSE(samples.contains("fleetsync_host_offset_seconds|host=web03"));
}

TEST(FleetMetrics, NamesAreEscaped) {
  const std::vector<HostInput> hosts = {HostAt("a\"b\\c\nd", 1ms, 1ms)};
  const auto samples = Parse(FleetMetrics(BuildFleetView(hosts, kNow, {}))).samples;
  EXPECT_EQ(samples.at("fleetsync_host_stratum|host=a\"b\\c\nd"), 3);
}

}  // namespace
}  // namespace fleetsync::status
