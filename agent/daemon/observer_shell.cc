#include "agent/daemon/observer_shell.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent/observe/chrony_dialogue.h"
#include "agent/observe/ntp_dialogue.h"
#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

// The best known of those that run: that the others are beside it is the doctor's to tell.
std::optional<TimeProgram> BestOf(std::vector<TimeProgram> programs, observe::Kind& kind) {
  std::optional<TimeProgram> best;
  for (TimeProgram& program : programs) {
    const observe::Kind its = observe::KindOfProgram(program.name, program.arguments);
    // OpenNTPD's processes differ in what they show: one is enough.
    const bool better = !best || (its != observe::Kind::kNone && kind == observe::Kind::kNone) ||
                        (its == observe::Kind::kOpenntpd && kind == observe::Kind::kNtp);
    if (!better) continue;
    kind = its;
    best = std::move(program);
  }
  return best;
}

}  // namespace

ObserverShell::ObserverShell(ObserverConfig config)
    : config_(std::move(config)),
      trouble_(config_.log, "", "the host's time daemon answers again") {}

// While the program that was found runs, the others are not looked at.
observe::Kind ObserverShell::Choose() {
  if (config_.kind != observe::Kind::kAuto) return config_.kind;
  if (found_ && StillRuns(*found_, config_.proc)) return kind_;
  observe::Kind kind = observe::Kind::kNone;
  found_ = BestOf(FindTimePrograms(config_.proc), kind);
  return kind;
}

void ObserverShell::Begin(Now now) {
  if (busy()) return;
  const observe::Kind kind = Choose();
  if (kind != kind_) place_ = 0;
  kind_ = kind;
  tried_ = 0;
  if (kind == observe::Kind::kNone) {
    observe::DaemonState state;
    if (found_) {
      state.daemon = found_->name == "ntpd" ? "busybox-ntpd" : found_->name;
      state.trouble = "it cannot be asked";
    }
    return EndOfRound(std::move(state));
  }
  if (observe::QuestionFor(kind)) return StartProgram(now);
  if (!TryNextPlace(now)) EndOfTry(now);
}

// Where this kind of daemon answers; a path is a Unix socket.
std::vector<std::string> ObserverShell::Places() const {
  if (kind_ == observe::Kind::kChrony) return {config_.chrony_socket, "127.0.0.1", "::1"};
  return {"127.0.0.1", "::1"};
}

StatusOr<DaemonLink> ObserverShell::Connect(const std::string& place) const {
  if (place.starts_with('/')) return DaemonLink::ConnectUnix(place);
  return DaemonLink::ConnectUdp(
      place, kind_ == observe::Kind::kChrony ? config_.chrony_port : config_.ntp_port);
}

bool ObserverShell::TryNextPlace(Now now) {
  const std::vector<std::string> places = Places();
  for (; tried_ < places.size(); ++tried_, ++place_) {
    auto link = Connect(places[place_ % places.size()]);
    if (!link.ok()) continue;
    link_ = *std::move(link);
    config_.seed = config_.seed * 6364136223846793005U + 1442695040888963407U;
    const auto sequence = static_cast<uint32_t>(config_.seed >> 32);
    std::unique_ptr<observe::Dialogue> dialogue;
    if (kind_ == observe::Kind::kChrony) {
      dialogue = std::make_unique<observe::ChronyDialogue>(sequence);
    } else {
      dialogue = std::make_unique<observe::NtpDialogue>(static_cast<uint16_t>(sequence));
    }
    asker_.emplace(std::move(dialogue));
    SendRequests(now);
    return true;
  }
  return false;
}

void ObserverShell::StartProgram(Now now) {
  const observe::Question question = *observe::QuestionFor(kind_);
  auto program = ProgramOutput::Start(question.paths, question.arguments, now.mono);
  if (program.ok()) {
    program_ = *std::move(program);
    return;
  }
  observe::DaemonState state;
  state.daemon = observe::ToString(kind_);
  state.trouble = Message(program.status());
  EndOfRound(std::move(state));
}

int ObserverShell::fd() const {
  if (program_) return program_->fd();
  return link_ ? link_->fd() : -1;
}

MonoTime ObserverShell::NextTimer() const {
  if (program_) return program_->NextTimer();
  return asker_ ? asker_->NextTimer() : MonoTime::max();
}

void ObserverShell::SendRequests(Now now) {
  const auto request = asker_->TakeRequest(now.mono);
  if (request.empty()) return;
  if (const Status s = link_->Send(request); !s.ok()) asker_->OnError(Message(s));
}

void ObserverShell::OnReadable(Now now) {
  if (program_) {
    program_->OnReadable(now.mono);
  } else if (asker_) {
    std::array<std::byte, 2048> buffer;
    const auto size = link_->Receive(buffer);
    if (!size.ok()) {
      asker_->OnError(Message(size.status()));
    } else if (*size) {
      asker_->OnDatagram(now, std::span(buffer).first(**size));
    }
  }
  OnTimer(now);
}

void ObserverShell::OnTimer(Now now) {
  if (program_) {
    program_->OnTimer(now.mono);
    if (!program_->over()) return;
    observe::DaemonState state = observe::ReadOutput(kind_, program_->text(), program_->well());
    program_.reset();
    return EndOfRound(std::move(state));
  }
  if (!asker_) return;
  SendRequests(now);
  if (asker_->over()) EndOfTry(now);
}

// The place that answers is the first to be asked in the next round.
void ObserverShell::EndOfTry(Now now) {
  observe::DaemonState state;
  state.daemon = observe::ToString(kind_);
  state.trouble = "it cannot be reached";
  if (asker_) state = asker_->state();
  asker_.reset();
  link_.reset();
  if (!state.answered) {
    ++tried_;
    ++place_;
    if (TryNextPlace(now)) return;
  }
  EndOfRound(std::move(state));
}

void ObserverShell::EndOfRound(observe::DaemonState state) {
  const bool silent = !state.daemon.empty() && !state.answered;
  trouble_.Update(silent ? absl::UnavailableError(fmt::format("{} runs and does not answer: {}",
                                                              state.daemon, state.trouble))
                         : absl::OkStatus());
  state_ = std::move(state);
}

}  // namespace fleetsync::daemon
