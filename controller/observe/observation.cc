#include "controller/observe/observation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "controller/observe/parsers.h"

namespace fleetsync::observe {
namespace {

constexpr std::string_view kBegin = "\nfleetsync-observe 1 begin\n";
constexpr std::string_view kEnd = "\nfleetsync-observe 1 end\n";

struct Answer {
  std::string_view question;
  std::string_view text;
  bool ok = false;
};

struct Section {
  std::string_view daemon;
  std::vector<Answer> answers;
};

// What is between two lines that start with '@', with its last newline.
std::vector<Section> ReadSections(std::string_view text) {
  constexpr std::string_view kDaemon = "@daemon ", kAsk = "@ask ", kEndOfAnswer = "@end ";
  std::vector<Section> sections;
  std::optional<Answer> answer;
  size_t answer_begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t next = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string_view line = text.substr(at, next - at - (text[next - 1] == '\n' ? 1 : 0));
    if (answer && line.starts_with(kEndOfAnswer)) {
      answer->text = text.substr(answer_begin, at - answer_begin);
      answer->ok = line.substr(kEndOfAnswer.size()) == "0";
      sections.back().answers.push_back(*answer);
      answer.reset();
    } else if (!answer && line.starts_with(kDaemon)) {
      sections.push_back({.daemon = line.substr(kDaemon.size()), .answers = {}});
    } else if (!answer && line.starts_with(kAsk) && !sections.empty()) {
      answer = Answer{.question = line.substr(kAsk.size()), .text = {}};
      answer_begin = next;
    }
    at = next;
  }
  return sections;
}

bool Parse(const Answer& answer, DaemonState& state) {
  if (answer.question == "chrony-tracking") return ParseChronyTracking(answer.text, state);
  if (answer.question == "chrony-sources") return ParseChronySources(answer.text, state);
  if (answer.question == "ntp-variables") return ParseNtpVariables(answer.text, state);
  if (answer.question == "ntp-peers") return ParseNtpPeers(answer.text, state);
  if (answer.question == "openntpd") return ParseOpenntpd(answer.text, state);
  if (answer.question == "timesync-status") return ParseTimesyncStatus(answer.text, state);
  if (answer.question == "timedatectl") return ParseTimedatectl(answer.text, state);
  if (answer.question == "adjtimex") return ParseAdjtimex(answer.text, state);
  return false;
}

std::string FirstLine(std::string_view text) {
  text = Trim(text);
  return Printable(text.substr(0, text.find('\n')));
}

DaemonState ReadState(const Section& section) {
  DaemonState state;
  state.daemon = Printable(section.daemon);
  for (const Answer& answer : section.answers) {
    if (Parse(answer, state)) {
      state.answered = true;
    } else if (state.trouble.empty()) {
      state.trouble = FirstLine(answer.text);
    }
  }
  if (state.answered) state.trouble.clear();
  if (!state.answered && state.trouble.empty())
    state.trouble = section.answers.empty() ? "nothing on the host can ask it" : "no answer";
  for (Source& source : state.sources) {
    source.name = Printable(source.name);
    source.reference_id = Printable(source.reference_id);
  }
  state.version = Printable(state.version);
  return state;
}

}  // namespace

StatusOr<Observation> ParseObservation(std::string_view output) {
  const size_t begin = output.find(kBegin);
  if (begin == std::string_view::npos) {
    return absl::DataLossError(
        "reading the time daemon's state: the host's shell did not run the "
        "script");
  }
  output.remove_prefix(begin + kBegin.size() - 1);  // the newline may be the end's as well
  const size_t end = output.rfind(kEnd);
  if (end == std::string_view::npos)
    return absl::DataLossError("reading the time daemon's state: the answer was cut off");
  Observation observation;
  std::vector<DaemonState> states;
  for (const Section& section : ReadSections(output.substr(1, end)))
    states.push_back(ReadState(section));
  // With more than one: the first that is synchronised, else the first that answers.
  auto owner = std::find_if(states.begin(), states.end(),
                            [](const DaemonState& state) { return state.synchronised(); });
  if (owner == states.end())
    owner = std::find_if(states.begin(), states.end(),
                         [](const DaemonState& state) { return state.answered; });
  if (owner == states.end()) owner = states.begin();
  if (owner == states.end()) return observation;
  for (const DaemonState& state : states)
    if (&state != &*owner) observation.others.push_back(state.daemon);
  observation.state = std::move(*owner);
  return observation;
}

}  // namespace fleetsync::observe
