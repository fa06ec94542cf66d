#include "agent/daemon/query.h"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <string_view>
#include <vector>

#include "agent/daemon/engine_shell.h"
#include "agent/daemon/stop_signal.h"
#include "agent/net/address_text.h"
#include "base/clock_read.h"
#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"
#include "proto/ntp/names.h"

namespace fleetsync::daemon {
namespace {

constexpr Duration kLongest = std::chrono::seconds(8);
constexpr int kSamples = 4;

using Row = std::array<std::string, 8>;

bool IsComplete(const ntp::Snapshot& snapshot) {
  return std::all_of(snapshot.sources.begin(), snapshot.sources.end(),
                     [](const auto& s) { return std::popcount(s.reach) >= kSamples; });
}

char Sign(ntp::SourceState state) {
  switch (state) {
    case ntp::SourceState::kSelected:
      return '*';
    case ntp::SourceState::kCandidate:
      return '+';
    case ntp::SourceState::kOutlier:
      return '-';
    case ntp::SourceState::kFalseticker:
      return 'x';
    case ntp::SourceState::kUnreachable:
      return '?';
  }
  return ' ';
}

Row ToRow(const ntp::SourceSnapshot& s) {
  Row row{fmt::format("{} {}", Sign(s.state), Printable(s.name)),
          s.address ? net::AddressText(*s.address) : "-"};
  if (!s.sample_age) {
    std::fill(row.begin() + 2, row.end(), "-");
    row[7] = s.trouble.empty() ? "no answer" : s.trouble;
    return row;
  }
  row[2] = fmt::format("{}", s.stratum);
  row[3] = FormatSigned(s.offset);
  row[4] = FormatDuration(s.error_bound);
  row[5] = FormatDuration(s.delay);
  row[6] = FormatDuration(s.jitter);
  row[7] = ntp::ReferenceIdText(s.reference_id, s.stratum);
  return row;
}

std::string_view StateName(ntp::SourceState state) {
  switch (state) {
    case ntp::SourceState::kSelected:
      return "selected";
    case ntp::SourceState::kCandidate:
      return "candidate";
    case ntp::SourceState::kOutlier:
      return "outlier";
    case ntp::SourceState::kFalseticker:
      return "falseticker";
    case ntp::SourceState::kUnreachable:
      return "unreachable";
  }
  return "";
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : Printable(text)) {  // without control characters but these two
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n' || c == '\t') {
      out += ' ';
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string JsonSource(const ntp::SourceSnapshot& s) {
  std::string text =
      fmt::format("{{\"source\": {}, \"state\": \"{}\"", JsonString(s.name), StateName(s.state));
  if (s.address) text += fmt::format(", \"address\": \"{}\"", net::AddressText(*s.address));
  if (!s.sample_age) {
    return text + fmt::format(", \"error\": {}}}",
                              JsonString(s.trouble.empty() ? "no answer" : s.trouble));
  }
  return text + fmt::format(
                    ", \"stratum\": {}, \"offset_s\": {:.9f}, \"error_bound_s\": {:.9f}, "
                    "\"delay_s\": {:.9f}, \"jitter_s\": {:.9f}, \"interleaved\": {}, "
                    "\"reference\": {}}}",
                    s.stratum, ToSeconds(s.offset), ToSeconds(s.error_bound), ToSeconds(s.delay),
                    ToSeconds(s.jitter), s.interleaved,
                    JsonString(ntp::ReferenceIdText(s.reference_id, s.stratum)));
}

}  // namespace

StatusOr<ntp::Snapshot> Query(ShellConfig config) {
  config.engine.control_clock = false;
  for (ntp::SourceConfig& source : config.engine.sources) source.iburst = true;
  config.log = [](const std::string&) {};
  EngineShell shell(std::move(config));
  FS_RETURN_IF_ERROR(shell.Start());
  const MonoTime end = ReadClocks().mono + kLongest;
  while (!StopRequested() && ReadClocks().mono < end && !IsComplete(shell.TakeSnapshot())) {
    FS_RETURN_IF_ERROR(shell.Turn(end, {}));
  }
  return shell.TakeSnapshot();
}

std::string QueryTable(const ntp::Snapshot& snapshot) {
  std::vector<Row> rows = {
      {"  SOURCE", "ADDRESS", "STRATUM", "OFFSET", "BOUND", "DELAY", "JITTER", "REFERENCE"}};
  for (const ntp::SourceSnapshot& s : snapshot.sources) rows.push_back(ToRow(s));
  std::array<size_t, std::tuple_size_v<Row>> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], DisplayWidth(row[i]));
  }
  std::string text;
  for (const Row& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      text += row[i] + std::string(widths[i] - DisplayWidth(row[i]) + 2, ' ');
    }
    text += row.back() + '\n';
  }
  if (!snapshot.synchronised) return text + "\nno majority of the sources can be believed\n";
  return text + fmt::format("\nthis clock is off by {}, give or take {}; stratum {}\n",
                            FormatSigned(snapshot.offset), FormatDuration(snapshot.error_bound),
                            snapshot.stratum);
}

std::string QueryJson(const ntp::Snapshot& snapshot) {
  std::string text = fmt::format("{{\"synchronised\": {}", snapshot.synchronised);
  if (snapshot.synchronised) {
    text +=
        fmt::format(", \"offset_s\": {:.9f}, \"error_bound_s\": {:.9f}, \"stratum\": {}",
                    ToSeconds(snapshot.offset), ToSeconds(snapshot.error_bound), snapshot.stratum);
  }
  std::vector<std::string> sources;
  for (const ntp::SourceSnapshot& s : snapshot.sources) sources.push_back(JsonSource(s));
  return text + fmt::format(", \"sources\": [{}]}}\n", fmt::join(sources, ", "));
}

}  // namespace fleetsync::daemon
