#include "base/time_text.h"
#include "controller/status/history_picture.h"
#include "nlohmann/json.hpp"

namespace fleetsync::status {
namespace {

using nlohmann::ordered_json;

ordered_json PointJson(const db::HistoryPoint& point) {
  return {{"at", FormatTime(point.at)},
          {"span_ms", std::chrono::floor<std::chrono::milliseconds>(point.span).count()},
          {"reports", point.reports},
          {"synchronised", point.synchronised},
          {"offset_min_ns", point.offset_min.count()},
          {"offset_max_ns", point.offset_max.count()},
          {"offset_mean_ns", point.offset_mean.count()},
          {"offset_p50_ns", point.offset_p50.count()},
          {"offset_p95_ns", point.offset_p95.count()},
          {"offset_p99_ns", point.offset_p99.count()},
          {"error_bound_max_ns", point.error_bound_max.count()},
          {"frequency_mean_ppb", point.frequency_mean_ppb}};
}

ordered_json ChartJson(const Chart& chart) {
  ordered_json json = {
      {"host", chart.host}, {"points", ordered_json::array()}, {"events", ordered_json::array()}};
  for (const db::HistoryPoint& point : chart.points) json["points"].push_back(PointJson(point));
  for (const Event& event : chart.events)
    json["events"].push_back({{"at", FormatTime(event.at)},
                              {"kind", ToString(event.kind)},
                              {"amount_ns", event.amount.count()},
                              {"text", Describe(event)}});
  return json;
}

}  // namespace

std::string HistoryJson(std::span<const Chart> charts) {
  ordered_json json = {{"version", 1}};
  if (!charts.empty()) {
    json["since"] = FormatTime(charts.front().since);
    json["until"] = FormatTime(charts.front().until);
  }
  json["hosts"] = ordered_json::array();
  for (const Chart& chart : charts) json["hosts"].push_back(ChartJson(chart));
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace fleetsync::status
