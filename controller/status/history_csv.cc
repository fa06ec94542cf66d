#include <string_view>
#include <vector>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/status/csv.h"
#include "controller/status/history_picture.h"
#include "fmt/format.h"

namespace fleetsync::status {
namespace {

constexpr std::string_view kHeading =
    "host,at,span_s,reports,synchronised,offset_min_ns,offset_max_ns,offset_mean_ns,offset_p50_ns,"
    "offset_p95_ns,offset_p99_ns,error_bound_max_ns,frequency_mean_ppb,event,amount_ns,text\n";
constexpr size_t kPointFields = 11;

void AddPoints(const Chart& chart, std::string& text) {
  for (const db::HistoryPoint& point : chart.points) {
    std::vector<std::string> fields = {Printable(chart.host), FormatTime(point.at)};
    const auto add = [&fields](const auto& value) { fields.push_back(fmt::format("{}", value)); };
    add(ToSeconds(point.span));
    add(point.reports);
    add(point.synchronised);
    for (const Duration d :
         {point.offset_min, point.offset_max, point.offset_mean, point.offset_p50, point.offset_p95,
          point.offset_p99, point.error_bound_max})
      add(d.count());
    add(point.frequency_mean_ppb);
    fields.resize(fields.size() + 3);
    text += CsvLine(fields);
  }
}

void AddEvents(const Chart& chart, std::string& text) {
  for (const Event& event : chart.events) {
    std::vector<std::string> fields = {Printable(chart.host), FormatTime(event.at)};
    fields.resize(fields.size() + kPointFields);
    fields.emplace_back(ToString(event.kind));
    fields.push_back(fmt::format("{}", event.amount.count()));
    fields.push_back(Describe(event));
    text += CsvLine(fields);
  }
}

}  // namespace

std::string HistoryCsv(std::span<const Chart> charts) {
  std::string text(kHeading);
  for (const Chart& chart : charts) {
    AddPoints(chart, text);
    AddEvents(chart, text);
  }
  return text;
}

}  // namespace fleetsync::status
