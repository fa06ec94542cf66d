#include "controller/sync/relay_conversation.h"

#include <charconv>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

constexpr std::string_view kAskDaemon =
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH; "
    "chronyc -n -c tracking 2>/dev/null | sed 's/^/tracking /'; ntpq -n -c rv 2>/dev/null";
constexpr size_t kTrackingFields = 14;  // chronyc -c tracking: the last is the leap status
constexpr int kUnsynchronised = 16;

int ToInt(std::string_view text) {
  int value = kUnsynchronised;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void Conclude(int stratum, bool alarm, RelayState& relay) {
  relay.stratum = stratum;
  const bool good = !alarm && stratum > 0 && stratum < kUnsynchronised;
  relay.kind = good ? RelayState::Kind::kSynchronised : RelayState::Kind::kUnsynchronised;
  relay.detail = good ? "" : fmt::format("its daemon says stratum {}", stratum);
}

}  // namespace

void ReadDaemonState(std::string_view output, RelayState& relay) {
  for (const std::string_view line : Split(output, '\n')) {
    if (line.starts_with("tracking ")) {
      const auto fields = Split(line.substr(std::string_view("tracking ").size()), ',');
      if (fields.size() < kTrackingFields) continue;
      Conclude(ToInt(fields[2]), Trim(fields.back()) == "Not synchronised", relay);
      return;
    }
  }
  const size_t at = output.find("stratum=");
  if (at != std::string_view::npos) {
    const bool alarm = output.find("leap_alarm") != std::string_view::npos ||
                       output.find("leap=11") != std::string_view::npos ||
                       output.find("leap=3") != std::string_view::npos;
    Conclude(ToInt(output.substr(at + std::string_view("stratum=").size(), 4)), alarm, relay);
    return;
  }
  relay.kind = RelayState::Kind::kSilent;
  relay.detail += ", and no time daemon answers on it";
}

ssh::Conversation::Next RelayConversation::OnReady(Now) {
  ssh::Command command;
  command.line = "sh -c " + ShellQuote(kAskDaemon);
  command.deadline = deadline_;
  return RunCommand{std::move(command)};
}

ssh::Conversation::Next RelayConversation::OnOutput(Now now, std::string_view bytes,
                                                    bool is_stderr) {
  if (measuring_) return measurement_.OnOutput(now, bytes, is_stderr);
  if (!is_stderr) output_ += bytes;
  return Wait{};
}

ssh::Conversation::Next RelayConversation::OnExit(Now now, const ssh::Exit& exit) {
  if (!measuring_) {
    ReadDaemonState(output_, relay_);
    if (relay_.kind != RelayState::Kind::kSynchronised) return Done{};
    measuring_ = true;
    return RunCommand{measurement_.Start(now)};
  }
  if (auto more = measurement_.OnExit(now, exit)) return RunCommand{*std::move(more)};
  const StatusOr<Estimate>& measured = measurement_.result();
  if (measured.ok()) {
    // A session tells how far we are ahead of the host; asked for is the opposite.
    relay_.measured = Estimate{-measured->offset, measured->bound};
    relay_.measured_at = now;
    relay_.over_ssh = true;
  } else {
    relay_.kind = RelayState::Kind::kSilent;
    relay_.detail += ", " + Message(measured.status());
  }
  return Done{};
}

void RelayConversation::OnFailed(const ssh::Failure& failure) {
  relay_.kind = RelayState::Kind::kSilent;
  relay_.measured.reset();
  relay_.detail += ", and over SSH: " + ssh::ToString(failure);
}

}  // namespace fleetsync::sync
