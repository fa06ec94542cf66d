#include "agent/observe/chrony_dialogue.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "agent/engine/address.h"
#include "agent/net/address_text.h"
#include "agent/observe/parse_number.h"
#include "base/text.h"
#include "fmt/format.h"
#include "proto/ntp/names.h"

namespace fleetsync::observe {
namespace {

constexpr uint32_t kLocalReference = 0x7f7f0101;  // 127.127.1.1
constexpr std::array kDetails = {chrony::Command::kSourceStats, chrony::Command::kSourceName,
                                 chrony::Command::kNtpData};

uint32_t Id(const chrony::Address& address) {
  uint32_t id = 0;
  for (size_t i = 0; i < 4; ++i) id = id << 8 | address.bytes[i];
  return id;
}

std::string AddressText(const chrony::Address& address) {
  ntp::Address out;
  if (address.family == chrony::Family::kIpv6) {
    out.ip = address.bytes;
  } else if (address.family == chrony::Family::kIpv4) {
    out.ip[10] = out.ip[11] = 0xff;
    std::copy_n(address.bytes.begin(), 4, out.ip.begin() + 12);
  } else {
    return fmt::format("ID#{:08X}", Id(address));
  }
  return net::AddressText(out);
}

SourceState ToState(uint16_t state) {
  switch (static_cast<chrony::SourceState>(state)) {
    case chrony::SourceState::kSelected:
      return SourceState::kSelected;
    case chrony::SourceState::kFalseticker:
      return SourceState::kFalseticker;
    case chrony::SourceState::kCombined:
      return SourceState::kCandidate;
    case chrony::SourceState::kJittery:
    case chrony::SourceState::kNotCombined:
      return SourceState::kOutlier;
    case chrony::SourceState::kNotSelectable:
      break;
  }
  return SourceState::kUnreachable;
}

uint8_t ToStratum(uint16_t stratum) {
  return static_cast<uint8_t>(stratum >= 1 && stratum <= 15 ? stratum : 16);
}

}  // namespace

ChronyDialogue::ChronyDialogue(uint32_t sequence) : sequence_(sequence) {
  state_.daemon = "chrony";
  Ask(chrony::Command::kTracking);
}

void ChronyDialogue::Ask(chrony::Command command) {
  asked_ = command;
  ++sequence_;
  switch (command) {
    case chrony::Command::kSourceData:
    case chrony::Command::kSourceStats:
      request_ = chrony::EncodeRequest(command, sequence_, static_cast<int32_t>(index_));
      return;
    case chrony::Command::kNtpData:
    case chrony::Command::kSourceName:
      request_ = chrony::EncodeRequest(command, sequence_, source_.address);
      return;
    case chrony::Command::kTracking:
    case chrony::Command::kSourceCount:
      request_ = chrony::EncodeRequest(command, sequence_);
  }
}

bool ChronyDialogue::OnDatagram(Now /*now*/, std::span<const std::byte> wire) {
  const std::optional<chrony::Reply> reply = chrony::DecodeReply(wire);
  if (request_.empty() || !reply || reply->sequence != sequence_ ||
      reply->command != static_cast<uint16_t>(asked_)) {
    return false;
  }
  if (!OnAnswer(*reply))
    GiveUp(fmt::format("its answer to command {} cannot be used (status {})", reply->command,
                       static_cast<int>(reply->status)));
  return true;
}

// False: without this answer nothing more can be asked.
bool ChronyDialogue::OnAnswer(const chrony::Reply& reply) {
  switch (asked_) {
    case chrony::Command::kTracking:
      if (!OnTracking(reply)) return false;
      Ask(chrony::Command::kSourceCount);
      return true;
    case chrony::Command::kSourceCount: {
      const std::optional<uint32_t> count = chrony::ReadSourceCount(reply);
      if (!count) return false;
      sources_ = std::min<uint32_t>(*count, kMostSources);
      index_ = 0;
      NextQuestion();
      return true;
    }
    case chrony::Command::kSourceData:
      return OnSourceData(reply);
    default:
      return OnDetail(reply);
  }
}

bool ChronyDialogue::OnTracking(const chrony::Reply& reply) {
  const std::optional<chrony::Tracking> t = chrony::ReadTracking(reply);
  const std::optional<Duration> correction = t ? SecondsDuration(t->correction) : std::nullopt;
  if (!correction) return false;
  state_.answered = true;
  state_.leap = static_cast<Leap>(std::min<uint16_t>(t->leap, 3));
  state_.frequency = Ppm{0.0 - t->frequency_ppm};         // not -0
  if (state_.leap == Leap::kUnsynchronised) return true;  // the rest is what it was set to at start
  state_.stratum = ToStratum(t->stratum);
  state_.own_clock = t->reference_id == kLocalReference;
  state_.offset = correction;
  state_.root_delay = SecondsDuration(t->root_delay);
  state_.root_dispersion = SecondsDuration(t->root_dispersion);
  state_.jitter = SecondsDuration(t->rms_offset);
  state_.error_bound = RootDistance(state_.root_delay, state_.root_dispersion);
  return true;
}

bool ChronyDialogue::OnSourceData(const chrony::Reply& reply) {
  if (reply.status == chrony::Status::kNoSuchSource) {  // it went while we asked
    request_.clear();
    return true;
  }
  const std::optional<chrony::SourceData> s = chrony::ReadSourceData(reply);
  if (!s) return false;
  source_ = *s;
  Source source;
  const bool reference_clock =
      s->mode == static_cast<uint16_t>(chrony::SourceMode::kReferenceClock);
  source.name = reference_clock ? ntp::ReferenceIdText(Id(s->address), 1) : AddressText(s->address);
  if (!reference_clock) source.address = source.name;
  source.state = ToState(s->state);
  source.stratum = ToStratum(s->stratum);
  if (s->reach <= 0xff) source.reach = static_cast<uint8_t>(s->reach);
  if (s->poll >= -32 && s->poll <= 32) source.poll = s->poll;
  if (s->since_sample) {
    source.last = SecondsDuration(*s->since_sample);
    // Its offset is of the time that chronyd slews the clock to, with the opposite sign.
    if (const auto fast = SecondsDuration(s->offset))
      source.offset = state_.offset.value_or(Duration::zero()) - *fast;
    source.error_bound = SecondsDuration(s->error);
  }
  state_.sources.push_back(std::move(source));
  // Only servers and peers have a name and an exchange.
  detail_ = 0;
  if (reference_clock) {
    ++index_;
    NextQuestion();
  } else {
    NextSource();
  }
  return true;
}

// A detail that is refused or not known to this version is not asked for again.
bool ChronyDialogue::OnDetail(const chrony::Reply& reply) {
  if (reply.status == chrony::Status::kUnauthorised || reply.status == chrony::Status::kInvalid)
    unknown_[detail_] = true;
  PutDetail(reply);
  ++detail_;
  NextSource();
  return true;
}

void ChronyDialogue::PutDetail(const chrony::Reply& reply) {
  Source& source = state_.sources.back();
  if (const auto stats = chrony::ReadSourceStats(reply); stats && stats->samples > 1)
    source.jitter = SecondsDuration(std::abs(stats->standard_deviation));
  if (const auto name = chrony::ReadSourceName(reply); name && !name->empty())
    source.name = Printable(*name);
  if (const auto data = chrony::ReadNtpData(reply); data && source.last && data->stratum > 0) {
    source.delay = SecondsDuration(data->peer_delay);
    source.reference_id = ntp::ReferenceIdText(data->reference_id, source.stratum);
  }
}

void ChronyDialogue::NextSource() {
  while (detail_ < kDetails.size() && unknown_[detail_]) ++detail_;
  if (detail_ < kDetails.size()) return Ask(kDetails[detail_]);
  ++index_;
  NextQuestion();
}

void ChronyDialogue::NextQuestion() {
  if (index_ < sources_) return Ask(chrony::Command::kSourceData);
  request_.clear();
}

void ChronyDialogue::GiveUp(std::string_view why) {
  state_.trouble = why;
  request_.clear();
}

}  // namespace fleetsync::observe
