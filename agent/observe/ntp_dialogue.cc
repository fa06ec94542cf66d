#include "agent/observe/ntp_dialogue.h"

#include <algorithm>
#include <optional>
#include <string>

#include "agent/observe/ntp_variables.h"
#include "agent/observe/parse_number.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::observe {
namespace {

constexpr Duration kMillisecond = std::chrono::milliseconds(1);
constexpr std::string_view kSystemNames =
    "version,leap,stratum,rootdelay,rootdisp,refid,offset,frequency,sys_jitter";
constexpr std::string_view kPeerNames =
    "srcadr,srchost,stratum,hpoll,refid,rec,reach,delay,offset,jitter";
constexpr std::string_view kLocalClock = "127.127.1.";  // ntpd's driver for the host's own clock
constexpr uint8_t kUnknownVariable = 5, kUnknownAssociation = 4;

SourceState ToState(uint8_t selection) {
  switch (selection) {
    case 1:
      return SourceState::kFalseticker;
    case 2:
    case 3:
      return SourceState::kOutlier;
    case 4:
    case 5:
      return SourceState::kCandidate;
    case 6:
    case 7:
      return SourceState::kSelected;
    default:
      return SourceState::kUnreachable;
  }
}

// "0x1f", "037", "255": hexadecimal, octal or decimal by its prefix, as daemons of different ages
// print it.
std::optional<int64_t> ParseAnyBase(std::string_view text) {
  if (text.starts_with("0x")) return ParseInteger(text.substr(2), 16);
  return ParseInteger(text, text.size() > 1 && text[0] == '0' ? 8 : 10);
}

// "0xeeabfac5.14eadc85": how long before `now` that was; none when it is no such time, or not
// before.
std::optional<Duration> AgeOf(std::string_view text, SystemTime now) {
  constexpr int64_t kNtpEpoch = 2'208'988'800;  // 1900 to 1970
  constexpr Duration kOldest = std::chrono::hours(24 * 365);
  if (!text.starts_with("0x") || text.size() < 10) return std::nullopt;
  const std::optional<int64_t> raw = ParseInteger(text.substr(2, 8), 16);
  if (!raw || *raw == 0) return std::nullopt;
  const int64_t now_s = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  // Modulo an era of 2^32 s.
  const auto age =
      static_cast<int32_t>(static_cast<uint32_t>(now_s + kNtpEpoch) - static_cast<uint32_t>(*raw));
  const Duration d = std::chrono::seconds(age);
  if (d < -std::chrono::seconds(1) || d > kOldest) return std::nullopt;
  return std::max(d, Duration::zero());
}

// None: the line of a pool, which is no server itself.
std::optional<Source> ReadPeer(std::string_view text, uint8_t selection, Now now) {
  const auto variables = NtpVariables(text);
  const auto value = [&variables](std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string_view() : found->second;
  };
  const std::string_view address = value("srcadr");
  if (address.empty() || address == "0.0.0.0" || address == "::") return std::nullopt;
  Source source;
  source.address = Printable(address);
  source.name = value("srchost").empty() ? source.address : Printable(value("srchost"));
  source.reference_id = Printable(value("refid"));
  source.state = ToState(selection);
  source.stratum = ParseStratum(value("stratum"));
  if (const auto poll = ParseInteger(value("hpoll")); poll && *poll >= -32 && *poll <= 32)
    source.poll = static_cast<int>(*poll);
  const auto reach = ParseAnyBase(value("reach"));
  if (reach && *reach >= 0 && *reach <= 0377) source.reach = static_cast<uint8_t>(*reach);
  if (!source.reach || *source.reach == 0) return source;  // the rest is not of now
  source.last = AgeOf(value("rec"), now.system);
  source.offset = ParseScaled(value("offset"), kMillisecond);
  source.delay = ParseScaled(value("delay"), kMillisecond);
  source.jitter = ParseScaled(value("jitter"), kMillisecond);
  return source;
}

}  // namespace

NtpDialogue::NtpDialogue(uint16_t sequence)
    : sequence_(sequence), answer_(ntp::ControlOperation::kReadVariables, sequence, 0) {
  state_.daemon = "ntp";
  Ask(Step::kSystem, 0, kSystemNames);
}

void NtpDialogue::Ask(Step step, uint16_t association, std::string_view names) {
  const auto operation = step == Step::kAssociations ? ntp::ControlOperation::kReadStatus
                                                     : ntp::ControlOperation::kReadVariables;
  step_ = step;
  ++sequence_;
  answer_ = ntp::ControlAnswer(operation, sequence_, association);
  request_ = ntp::EncodeControlRequest(operation, sequence_, association,
                                       all_variables_ ? std::string_view() : names);
}

bool NtpDialogue::OnDatagram(Now now, std::span<const std::byte> wire) {
  if (request_.empty() || !answer_.Add(wire) || !answer_.complete()) return false;
  if (const std::optional<uint8_t> error = answer_.error()) {
    OnRefusal(*error);
  } else {
    OnAnswer(now);
  }
  return true;
}

void NtpDialogue::OnRefusal(uint8_t error) {
  if (error == kUnknownVariable && !all_variables_ && step_ != Step::kAssociations) {
    all_variables_ = true;
    if (step_ == Step::kPeer) --next_;
    return step_ == Step::kPeer ? NextPeer() : Ask(Step::kSystem, 0, {});
  }
  if (step_ == Step::kPeer && error == kUnknownAssociation) return NextPeer();  // it has gone
  GiveUp(fmt::format("it refuses to tell (error {})", error));
}

void NtpDialogue::OnAnswer(Now now) {
  switch (step_) {
    case Step::kSystem:
      if (!ParseNtpVariables(answer_.text(), state_))
        return GiveUp("its answer has no stratum and leap");
      state_.answered = true;
      state_.version = Printable(state_.version);
      return Ask(Step::kAssociations, 0, {});
    case Step::kAssociations:
      associations_ = answer_.Associations();
      // As they were configured: ids count up.
      std::sort(associations_.begin(), associations_.end(),
                [](const auto& a, const auto& b) { return a.id < b.id; });
      associations_.resize(std::min(associations_.size(), kMostSources));
      return NextPeer();
    case Step::kPeer:
      if (auto peer = ReadPeer(answer_.text(), associations_[next_ - 1].selection(), now))
        state_.sources.push_back(*std::move(peer));
      return NextPeer();
  }
}

void NtpDialogue::NextPeer() {
  if (next_ >= associations_.size()) return Finish();
  const uint16_t id = associations_[next_++].id;
  Ask(Step::kPeer, id, kPeerNames);
}

void NtpDialogue::Finish() {
  request_.clear();
  // What the loop was told last may be from before it slewed the clock; the selected source's
  // sample is the newest there is.
  const Source* selected = state_.Selected();
  if (selected != nullptr && selected->address.starts_with(kLocalClock)) state_.own_clock = true;
  if (selected != nullptr && selected->offset && state_.synchronised())
    state_.offset = selected->offset;
}

void NtpDialogue::GiveUp(std::string_view why) {
  state_.trouble = why;
  Finish();
}

}  // namespace fleetsync::observe
