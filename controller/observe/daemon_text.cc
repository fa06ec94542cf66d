#include "controller/observe/daemon_text.h"

#include <vector>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/ui/table.h"
#include "fmt/format.h"

namespace fleetsync::observe {
namespace {

using std::chrono::duration_cast;

constexpr std::string_view kUntold = "-";

// "61", "5m", "3h", "2d": as short as ntpq makes it.
std::string Seconds(int64_t s) {
  if (s > 2 * 86'400) return fmt::format("{}d", s / 86'400);
  if (s > 2 * 3'600) return fmt::format("{}h", s / 3'600);
  if (s > 2 * 60 * 10) return fmt::format("{}m", s / 60);
  return fmt::format("{}", s);
}

std::string Milliseconds(const std::optional<Duration>& d) {
  return d ? fmt::format("{:.3f}", static_cast<double>(d->count()) / 1e6) : std::string(kUntold);
}

std::string When(const std::optional<Duration>& last) {
  return last ? Seconds(duration_cast<std::chrono::seconds>(*last).count()) : std::string(kUntold);
}

std::string Poll(const std::optional<int>& poll) {
  if (!poll) return std::string(kUntold);
  return *poll < 0 ? fmt::format("1/{}", 1 << -*poll) : Seconds(int64_t{1} << *poll);
}

std::vector<std::string> Row(const Source& source) {
  return {fmt::format("{}{}", source.state == SourceState::kUnreachable ? ' ' : Tally(source.state),
                      Printable(source.name)),
          source.reference_id.empty() ? std::string(kUntold) : Printable(source.reference_id),
          std::to_string(source.stratum),
          When(source.last),
          Poll(source.poll),
          source.reach ? fmt::format("{:o}", *source.reach) : std::string(kUntold),
          Milliseconds(source.delay),
          Milliseconds(source.offset),
          Milliseconds(source.jitter)};
}

// One line about a daemon of which nothing more can be said; empty when there is more.
std::string NothingToShow(const Observation& observation) {
  const DaemonState& state = observation.state;
  if (state.daemon.empty()) return "no time daemon runs\n";
  if (!state.answered)
    return fmt::format("{} runs and does not answer: {}\n", state.daemon, Printable(state.trouble));
  return {};
}

std::string Heading(const Observation& observation) {
  const DaemonState& state = observation.state;
  std::string text = fmt::format("{}{}{}\n", state.daemon, state.version.empty() ? "" : " ",
                                 Printable(state.version));
  for (const std::string& other : observation.others)
    text += fmt::format("{} runs beside it: one clock can have one keeper\n", Printable(other));
  return text;
}

std::string Line(std::string_view name, const std::string& value) {
  return fmt::format("  {:<16}{}\n", name, value);
}

std::string_view LeapText(Leap leap) {
  switch (leap) {
    case Leap::kNone:
      return "none ahead";
    case Leap::kInsert:
      return "one is inserted today";
    case Leap::kDelete:
      return "one is left out today";
    case Leap::kUnsynchronised:
      return "not known";
  }
  return "";
}

std::string Verdict(const DaemonState& state) {
  if (!state.synchronised()) return "unsynchronised\n";
  const Source* selected = state.Selected();
  std::string text;
  if (selected != nullptr) {
    text = fmt::format("synchronised to NTP server ({})", Printable(selected->name));
  } else {
    text = state.own_clock ? "serves its own clock, as a local reference" : "synchronised";
  }
  if (state.stratum > 0) text += fmt::format(" at stratum {}", state.stratum);
  text += "\n";
  if (state.error_bound && !state.own_clock)
    text += fmt::format("   time correct to within {}\n", FormatDuration(*state.error_bound));
  if (selected != nullptr && selected->poll)
    text += fmt::format("   polling server every {}{}\n", Poll(selected->poll), " s");
  return text;
}

}  // namespace

std::string SourcesText(const Observation& observation) {
  if (const std::string nothing = NothingToShow(observation); !nothing.empty()) return nothing;
  constexpr auto kRight = ui::Align::kRight;
  static const std::vector<ui::Column> kColumns = {
      {" remote"},       {"refid"},         {"st", kRight},     {"when", kRight},  {"poll", kRight},
      {"reach", kRight}, {"delay", kRight}, {"offset", kRight}, {"jitter", kRight}};
  std::vector<std::vector<std::string>> rows;
  for (const Source& source : observation.state.sources) rows.push_back(Row(source));
  return Heading(observation) + (rows.empty() ? "no sources\n" : ui::FormatTable(kColumns, rows));
}

std::string TrackingText(const Observation& observation) {
  if (const std::string nothing = NothingToShow(observation); !nothing.empty()) return nothing;
  const DaemonState& state = observation.state;
  std::string text = Verdict(state);
  text += Line("daemon", fmt::format("{}{}{}", state.daemon, state.version.empty() ? "" : " ",
                                     Printable(state.version)));
  for (const std::string& other : observation.others)
    text += Line("beside it", Printable(other) + ": one clock can have one keeper");
  if (state.offset) text += Line("offset", FormatSigned(*state.offset));
  if (state.frequency)
    text += Line("frequency", fmt::format("{:+.3f} ppm", state.frequency->value));
  if (state.root_delay) text += Line("root delay", FormatDuration(*state.root_delay));
  if (state.root_dispersion)
    text += Line("root dispersion", FormatDuration(*state.root_dispersion));
  if (state.jitter) text += Line("jitter", FormatDuration(*state.jitter));
  return text + Line("leap second", std::string(LeapText(state.leap)));
}

}  // namespace fleetsync::observe
