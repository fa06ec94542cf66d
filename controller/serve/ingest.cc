#include "controller/serve/ingest.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"
#include "proto/ntp/names.h"

namespace fleetsync::serve {
namespace {

constexpr size_t kMaxText = 255;  // longer than a host name may be (RFC 1035: 253)
constexpr int kMaxSources = 64;
constexpr int kMaxEvents = 64;
// Of one stream: sources come and go, but a thousand names are no agent's.
constexpr size_t kMaxTexts = 1024;
// Above it the store's signed numbers end; at a report a second that is after every sun.
constexpr uint64_t kMaxSequence = uint64_t{1} << 62;
// 36 years: more than any clock is off, and sums of a few of them fit a Duration.
constexpr int64_t kMaxNanoseconds = int64_t{1} << 60;
// Where SystemTime's nanoseconds end, in 2262.
constexpr uint64_t kMaxMicroseconds = std::numeric_limits<int64_t>::max() / 1000;
constexpr int64_t kMaxFrequencyPpb = 1'000'000'000;
constexpr uint32_t kUnsynchronisedStratum = 16;
constexpr size_t kMaxCertificateRequest = 16 * 1024;  // RSA with 16384 bits takes 4 kB

Duration Signed(int64_t nanoseconds) {
  return Duration(std::clamp(nanoseconds, -kMaxNanoseconds, kMaxNanoseconds));
}
Duration Unsigned(uint64_t nanoseconds) {
  return Duration(static_cast<int64_t>(std::min(nanoseconds, uint64_t{kMaxNanoseconds})));
}
Duration Microseconds(uint64_t count) {
  return std::chrono::microseconds(static_cast<int64_t>(std::min(count, kMaxMicroseconds)));
}
uint8_t Stratum(uint32_t stratum) {
  // 0 is a kiss of death or not known (RFC 5905 7.3): nothing to be synchronised to.
  return static_cast<uint8_t>(stratum == 0 ? kUnsynchronisedStratum
                                           : std::min(stratum, kUnsynchronisedStratum));
}
uint8_t Leap(v1::Leap leap) {
  switch (leap) {
    case v1::LEAP_NONE:
      return 0;
    case v1::LEAP_INSERT:
      return 1;
    case v1::LEAP_DELETE:
      return 2;
    default:
      return 3;
  }
}

// At most kMaxText bytes, not cut within a character.
std::string Text(std::string_view text) {
  size_t size = std::min(text.size(), kMaxText);
  const auto continues = [&](size_t i) {
    return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
  };
  while (size > 0 && continues(size)) --size;
  return std::string(text.substr(0, size));
}

// No clock of Linux is set before 1970.
SystemTime HostInstant(int64_t nanoseconds) {
  return SystemTime(Duration(std::max<int64_t>(nanoseconds, 0)));
}

v1::CommandResult Sane(const v1::CommandResult& told) {
  v1::CommandResult result;
  result.set_id(told.id());
  result.set_outcome(v1::CommandOutcome_IsValid(told.outcome()) ? told.outcome()
                                                                : v1::COMMAND_OUTCOME_UNSPECIFIED);
  result.set_text(Text(told.text()));
  result.set_offset_before_ns(Signed(told.offset_before_ns()).count());
  result.set_offset_after_ns(Signed(told.offset_after_ns()).count());
  result.set_error_bound_ns(static_cast<uint64_t>(Unsigned(told.error_bound_ns()).count()));
  return result;
}

db::Event ToEvent(const v1::Event& event) {
  return {.kind = static_cast<uint8_t>(
              v1::EventKind_IsValid(event.kind()) ? event.kind() : v1::EVENT_KIND_UNSPECIFIED),
          .host_time = SystemTime(Microseconds(event.host_time_us())),
          .amount = Signed(event.amount_ns()),
          .text = Text(event.text())};
}

}  // namespace

db::Source IngestSession::ToSource(const v1::Source& source) const {
  const uint8_t stratum = Stratum(source.stratum());
  return {
      .name = Told(source.name()),
      .address = Told(source.address()),
      .state = static_cast<uint8_t>(
          v1::SourceState_IsValid(source.state()) ? source.state() : v1::SOURCE_STATE_UNSPECIFIED),
      .stratum = stratum,
      .reach = static_cast<uint8_t>(source.reach() & 0xff),
      .poll = static_cast<int8_t>(std::clamp(source.poll(), -128, 127)),
      .offset = Signed(source.offset_ns()),
      .delay = Unsigned(source.delay_ns()),
      .jitter = Unsigned(source.jitter_ns()),
      .last_sample_age = std::chrono::milliseconds(source.last_sample_age_ms()),
      .reference_id =
          source.reference_id() == 0 ? "" : ntp::ReferenceIdText(source.reference_id(), stratum)};
}

Status IngestSession::Learn(const v1::Text& text) {
  if (texts_.size() >= kMaxTexts)
    return absl::ResourceExhaustedError(
        fmt::format("host '{}' has told {} texts on one stream", host_, kMaxTexts));
  if (text.id() == 0 || !texts_.emplace(text.id(), Text(text.text())).second)
    return absl::InvalidArgumentError(
        fmt::format("host '{}' tells text {} twice", host_, text.id()));
  return absl::OkStatus();
}

// A number that was never told stands for nothing.
std::string IngestSession::Told(uint32_t id) const {
  const auto it = texts_.find(id);
  return it == texts_.end() ? "" : it->second;
}

StatusOr<Accepted> IngestSession::OnMessage(const v1::StreamRequest& message, SystemTime received) {
  switch (message.message_case()) {
    case v1::StreamRequest::kHello:
      return OnHello(message.hello(), received);
    case v1::StreamRequest::kReport: {
      FS_ASSIGN_OR_RETURN(db::Report report, OnReport(message.report(), received));
      Reports one;
      one.push_back(std::move(report));
      return one;
    }
    case v1::StreamRequest::kReports:
      return OnReports(message.reports(), received);
    case v1::StreamRequest::kTimeAnswer:
    case v1::StreamRequest::kCommandResult:
    case v1::StreamRequest::kCertificateRequest:
      return OnIntroduced(message);
    case v1::StreamRequest::MESSAGE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "a message of a kind that is not known here: this controller is older than the agent");
}

// What only makes sense once the host has said its name.
StatusOr<Accepted> IngestSession::OnIntroduced(const v1::StreamRequest& message) const {
  if (host_.empty()) return absl::InvalidArgumentError("an answer before the Hello");
  if (message.has_time_answer()) {
    const v1::TimeAnswer& answer = message.time_answer();
    return HostStamps{.question = answer.id(),
                      .received = HostInstant(answer.received_ns()),
                      .sent = HostInstant(answer.sent_ns())};
  }
  if (message.has_command_result()) return Sane(message.command_result());
  const std::string& request = message.certificate_request().request_der();
  if (request.empty() || request.size() > kMaxCertificateRequest)
    return absl::InvalidArgumentError(
        fmt::format("a certificate request of {} bytes from host '{}'; at most {} are taken",
                    request.size(), host_, kMaxCertificateRequest));
  return CertificateWanted{request};
}

StatusOr<Accepted> IngestSession::OnHello(const v1::Hello& hello, SystemTime received) {
  if (!host_.empty())
    return absl::InvalidArgumentError(
        fmt::format("a second Hello on the stream of host '{}'", host_));
  if (!hosts_.contains(hello.host()))
    return absl::PermissionDeniedError(
        fmt::format("host '{}' is not in the controller's inventory: add it there and send "
                    "fleetsync serve a SIGHUP, "
                    "or give the agent the name that the inventory has",
                    Printable(Text(hello.host()))));
  host_ = hello.host();
  spool_id_ = Text(hello.spool_id());
  return db::Arrival{.host = host_,
                     .agent_version = Text(hello.agent_version()),
                     .at = received,
                     .spool_id = spool_id_};
}

StatusOr<Accepted> IngestSession::OnReports(const v1::Reports& reports, SystemTime received) {
  if (reports.reports_size() == 0 || reports.reports_size() > kMostReports)
    return absl::InvalidArgumentError(fmt::format("a message of {} reports; 1 to {} are taken",
                                                  reports.reports_size(), kMostReports));
  Reports stored;
  stored.reserve(static_cast<size_t>(reports.reports_size()));
  for (const v1::Report& told : reports.reports()) {
    FS_ASSIGN_OR_RETURN(db::Report report, OnReport(told, received));
    stored.push_back(std::move(report));
  }
  return stored;
}

StatusOr<db::Report> IngestSession::OnReport(const v1::Report& report, SystemTime received) {
  if (host_.empty()) return absl::InvalidArgumentError("a Report before the Hello");
  const uint64_t sequence = report.sequence();
  if (sequence <= last_sequence_ || sequence > kMaxSequence)
    return absl::InvalidArgumentError(
        fmt::format("report {} of host '{}' after report {}: sequence numbers must rise, from 1 to "
                    "{}",
                    sequence, host_, last_sequence_, kMaxSequence));
  last_sequence_ = sequence;
  for (const v1::Text& text : report.texts()) FS_RETURN_IF_ERROR(Learn(text));
  db::Report stored{
      .host = host_,
      .sequence = sequence,
      .boot_id = Told(report.boot_id()),
      .host_time = SystemTime(Microseconds(report.host_time_us())),
      .monotonic = Microseconds(report.monotonic_us()),
      .received = received,
      .offset = Signed(report.offset_ns()),
      .error_bound = Unsigned(report.error_bound_ns()),
      .stratum = Stratum(report.stratum()),
      .leap = Leap(report.leap()),
      .frequency_ppb = std::clamp(report.frequency_ppb(), -kMaxFrequencyPpb, kMaxFrequencyPpb),
      .root_delay = Unsigned(report.root_delay_ns()),
      .root_dispersion = Unsigned(report.root_dispersion_ns()),
      .jitter = Unsigned(report.jitter_ns()),
      .daemon = Told(report.daemon()),
      .holdover = report.holdover(),
      .spool_id = spool_id_};
  for (const v1::Source& source : report.sources()) {
    if (stored.sources.size() == kMaxSources) break;
    stored.sources.push_back(ToSource(source));
  }
  for (const v1::Event& event : report.events()) {
    if (stored.events.size() == kMaxEvents) break;
    stored.events.push_back(ToEvent(event));
  }
  return stored;
}

}  // namespace fleetsync::serve
