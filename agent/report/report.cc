#include "agent/report/report.h"

#include <algorithm>
#include <cmath>

#include "agent/net/address_text.h"
#include "base/file.h"
#include "base/text.h"

namespace fleetsync::report {
namespace {

uint64_t Microseconds(Duration d) {
  return static_cast<uint64_t>(
      std::max<int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(d).count()));
}

uint64_t Nanoseconds(Duration d) { return static_cast<uint64_t>(std::max<int64_t>(0, d.count())); }

v1::Leap ToLeap(ntp::Leap leap) {
  switch (leap) {
    case ntp::Leap::kNone:
      return v1::LEAP_NONE;
    case ntp::Leap::kInsert:
      return v1::LEAP_INSERT;
    case ntp::Leap::kDelete:
      return v1::LEAP_DELETE;
    case ntp::Leap::kUnsynchronised:
      return v1::LEAP_UNSYNCHRONISED;
  }
  return v1::LEAP_UNSYNCHRONISED;
}

v1::SourceState ToState(ntp::SourceState state) {
  switch (state) {
    case ntp::SourceState::kSelected:
      return v1::SOURCE_STATE_SELECTED;
    case ntp::SourceState::kCandidate:
      return v1::SOURCE_STATE_CANDIDATE;
    case ntp::SourceState::kOutlier:
      return v1::SOURCE_STATE_OUTLIER;
    case ntp::SourceState::kFalseticker:
      return v1::SOURCE_STATE_FALSETICKER;
    case ntp::SourceState::kUnreachable:
      return v1::SOURCE_STATE_UNREACHABLE;
  }
  return v1::SOURCE_STATE_UNSPECIFIED;
}

// The numbers of a report's texts; each is told once.
class Texts {
 public:
  explicit Texts(v1::Report& report) : report_(report) {}

  uint32_t Id(const std::string& text) {
    if (text.empty()) return 0;
    for (const v1::Text& known : report_.texts())
      if (known.text() == text) return known.id();
    v1::Text& told = *report_.add_texts();
    told.set_id(static_cast<uint32_t>(report_.texts_size()));
    told.set_text(text);
    return told.id();
  }

 private:
  v1::Report& report_;
};

void Fill(const ntp::SourceSnapshot& from, Texts& texts, v1::Source& to) {
  to.set_name(texts.Id(from.name));
  if (from.address) to.set_address(texts.Id(net::AddressText(*from.address)));
  to.set_state(ToState(from.state));
  to.set_stratum(from.stratum);
  to.set_reach(from.reach);
  to.set_poll(from.poll);
  if (!from.sample_age) return;
  to.set_offset_ns(from.offset.count());
  to.set_delay_ns(Nanoseconds(from.delay));
  to.set_jitter_ns(Nanoseconds(from.jitter));
  to.set_last_sample_age_ms(static_cast<uint32_t>(Microseconds(*from.sample_age) / 1000));
  to.set_reference_id(from.reference_id);
}

}  // namespace

std::string BootId() {
  const auto id = ReadFile("/proc/sys/kernel/random/boot_id", 128);
  return id.ok() ? std::string(Trim(*id)) : "";
}

v1::Report ToReport(const ntp::Snapshot& snapshot, const ReportContext& context,
                    const std::vector<v1::Event>& events) {
  v1::Report report;
  Texts texts(report);
  report.set_daemon(texts.Id(context.daemon));
  report.set_boot_id(texts.Id(context.boot_id));
  report.set_host_time_us(Microseconds(snapshot.at.system.time_since_epoch()));
  report.set_monotonic_us(Microseconds(snapshot.at.mono.time_since_epoch()));
  report.set_stratum(snapshot.stratum);
  report.set_leap(ToLeap(snapshot.leap));
  report.set_holdover(snapshot.holdover);
  if (snapshot.synchronised || snapshot.holdover) {
    report.set_offset_ns(snapshot.offset.count());
    report.set_error_bound_ns(Nanoseconds(snapshot.error_bound));
    report.set_root_delay_ns(Nanoseconds(snapshot.root_delay));
    report.set_root_dispersion_ns(Nanoseconds(snapshot.root_dispersion));
    report.set_jitter_ns(Nanoseconds(snapshot.jitter));
    report.set_frequency_ppb(std::llround(snapshot.frequency.value * 1e3));
  }
  for (const ntp::SourceSnapshot& source : snapshot.sources)
    Fill(source, texts, *report.add_sources());
  for (const v1::Event& event : events) *report.add_events() = event;
  return report;
}

StatusOr<v1::Report> ParseReport(std::string_view payload, uint64_t sequence) {
  v1::Report report;
  if (!report.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::DataLossError("a spooled report cannot be read");
  }
  report.set_sequence(sequence);
  return report;
}

}  // namespace fleetsync::report
