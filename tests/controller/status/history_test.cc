#include "base/file.h"
#include "base/text.h"
#include "controller/status/csv.h"
#include "controller/status/history_picture.h"
#include "controller/status/history_text.h"
#include "controller/status/instant_text.h"
#include "controller/ui/styled_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/controller/status/history_builder.h"

namespace fleetsync::status {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

TEST(ChartStats, AreNeverBelowWhatWas) {
  const ChartStats stats = StatsOf(DayChart("web01"));
  EXPECT_EQ(stats.reports, 220u * 6);
  EXPECT_EQ(stats.steps, 2u);
  EXPECT_EQ(stats.error_bound_max, 720us);
  // Six of 220 spans were 80 ms off: 2.7 % of the reports.
  EXPECT_LT(stats.offset->p95, 1ms);
  EXPECT_GT(stats.offset->p99, 79ms);
  EXPECT_GE(stats.offset->max, stats.offset->p99);
}

TEST(ChartStats, WithoutReportsThereAreNone) {
  Chart chart = DayChart("web01");
  chart.points.clear();
  EXPECT_FALSE(StatsOf(chart).offset);
  EXPECT_EQ(ReportsText(chart), "no reports");
}

TEST(HistoryText, ThePlotHasAxesMarksAndABand) {
  const Chart chart = DayChart("web01");
  const std::vector<std::string> lines = PlotLines(chart, 80, 14, false);
  EXPECT_EQ(lines[0], "web01  1320 reports; 2 steps");
  EXPECT_EQ(lines[1],
            "|offset| p50 97.0 us, p95 181 us, p99 79.9 ms, max 80.0 ms; bound at most 720 us");
  EXPECT_THAT(lines, Contains(HasSubstr("+10 ms┤")));
  EXPECT_THAT(lines, Contains(HasSubstr("       0┤")));
  EXPECT_THAT(lines, Contains(HasSubstr("▲")));
  EXPECT_THAT(lines.back(), HasSubstr("UTC"));
  EXPECT_THAT(lines.back(), HasSubstr("09-21 00:00"));
  for (const std::string& line : lines) EXPECT_LE(ui::VisibleWidth(line), 80u) << line;
}

TEST(HistoryText, BeyondTheToleranceIsAnotherColour) {
  const Chart chart = DayChart("web01");
  std::string text;
  for (const std::string& line : PlotLines(chart, 80, 14, true)) text += line + '\n';
  EXPECT_THAT(text, HasSubstr("\x1b[38;5;36m"));
  EXPECT_THAT(text, HasSubstr("\x1b[1;38;5;166m"));
}

TEST(HistoryText, ManyHostsHaveALineEach) {
  std::vector<Chart> charts;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) charts.push_back(DayChart(name));
  const std::string text = HistoryText(charts, 80, false);
  EXPECT_THAT(text, testing::StartsWith("HOST      p50     p95      max"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 7);
}

// Of docs/status.md. FLEETSYNC_WRITE_GOLDEN=1 writes it anew.
TEST(HistorySvg, IsThePictureOfTheDocumentation) {
  const std::vector<Chart> charts = {DayChart("web01"), DayChart("db01", 2)};
  const std::string svg = HistorySvg(charts);
  if (getenv("FLEETSYNC_WRITE_GOLDEN") != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    ASSERT_TRUE(WriteFileAtomically("docs/history.svg", svg, 0644).ok());
  }
  const StatusOr<std::string> golden = ReadFile("docs/history.svg", 1 << 20);
  ASSERT_TRUE(golden.ok()) << golden.status();
  EXPECT_EQ(svg, *golden);
}

TEST(HistorySvg, NamesCannotBreakIt) {
  const std::vector<Chart> charts = {DayChart("<script>&\"")};
  const std::string svg = HistorySvg(charts);
  EXPECT_THAT(svg, HasSubstr("&lt;script&gt;&amp;&quot;"));
  EXPECT_THAT(svg, Not(HasSubstr("<script")));
  EXPECT_THAT(svg, Not(HasSubstr("http://www.w3.org/1999"))) << "nothing from elsewhere";
}

TEST(HistoryPng, IsTwiceTheSizeOfTheLayout) {
  const std::vector<Chart> charts = {DayChart("web01")};
  const StatusOr<std::string> png = HistoryPng(charts);
  ASSERT_TRUE(png.ok());
  EXPECT_EQ(png->substr(12, 4), "IHDR");
  EXPECT_EQ(static_cast<uint8_t>((*png)[18]) * 256 + static_cast<uint8_t>((*png)[19]), 1920);
}

TEST(HistoryCsv, PointsAndEventsHaveTheSameFields) {
  Chart chart = DayChart("web01");
  chart.points.resize(1);
  chart.events.resize(2);
  chart.events[1].text = "ntp1,\"x\"";
  const std::vector<Chart> charts = {chart};
  EXPECT_EQ(HistoryCsv(charts),
            "host,at,span_s,reports,synchronised,offset_min_ns,offset_max_ns,offset_mean_ns,"
            "offset_p50_ns,offset_p95_ns,offset_p99_ns,error_bound_max_ns,frequency_mean_ppb,"
            "event,amount_ns,text\n"
            "web01,2026-09-20T14:13:20Z,360,6,6,-20000,20000,0,0,20000,20000,600000,-1234,,,\n"
            "web01,2026-09-21T00:13:20Z,,,,,,,,,,,,started,0,the agent started\n"
            "web01,2026-09-21T00:14:20Z,,,,,,,,,,,,source-selected,0,\"follows "
            "ntp1,\"\"x\"\"\"\n");
}

TEST(Csv, FormulasAreDefused) {
  const std::vector<std::string> fields = {"=1+1", "-5", "+x", "a"};
  EXPECT_EQ(CsvLine(fields), "'=1+1,-5,'+x,a\n");
}

TEST(HistoryJson, HasEveryPoint) {
  const std::vector<Chart> charts = {DayChart("web01")};
  const auto json = nlohmann::json::parse(HistoryJson(charts));
  EXPECT_EQ(json["since"], "2026-09-20T14:13:20Z");
  EXPECT_EQ(json["hosts"][0]["points"].size(), 220u);
  EXPECT_EQ(json["hosts"][0]["events"][2]["kind"], "stepped-by-other");
}

TEST(Instant, AsOperatorsWriteIt) {
  const auto parse = [](std::string_view text) { return *ParseInstant(text, kNow); };
  EXPECT_EQ(parse("now"), kNow);
  EXPECT_EQ(parse("7d"), kNow - 7 * 24h);
  EXPECT_EQ(parse("2026-09-21T14:13:20Z"), kNow);
  EXPECT_EQ(parse("2026-09-21 14:13"), kNow - 20s);
  EXPECT_EQ(parse("2026-09-21"), kNow - 14h - 13min - 20s);
  for (const char* wrong : {"", "yesterday", "2026-02-30", "2026-09-21T24:00",
                            "2026-09-21T14:13:20+02", "-7d", "2026-9-21"})
    EXPECT_FALSE(ParseInstant(wrong, kNow).ok()) << wrong;
}

}  // namespace
}  // namespace fleetsync::status
