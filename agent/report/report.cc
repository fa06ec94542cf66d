#include "agent/report/report.h"

#include <algorithm>
#include <cmath>

#include "agent/net/address_text.h"
#include "proto/ntp/names.h"

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
    case ntp::SourceState::kFalseticker:
      return v1::SOURCE_STATE_FALSETICKER;
    case ntp::SourceState::kUnreachable:
      return v1::SOURCE_STATE_UNREACHABLE;
  }
  return v1::SOURCE_STATE_UNSPECIFIED;
}

void Fill(const ntp::SourceSnapshot& from, v1::Source& to) {
  to.set_name(from.name);
  if (from.address) to.set_address(net::AddressText(*from.address));
  to.set_state(ToState(from.state));
  to.set_stratum(from.stratum);
  to.set_reach(from.reach);
  to.set_poll(from.poll);
  if (!from.sample_age) return;
  to.set_offset_ns(from.offset.count());
  to.set_delay_ns(Nanoseconds(from.delay));
  to.set_jitter_ns(Nanoseconds(from.jitter));
  to.set_last_sample_age_us(Microseconds(*from.sample_age));
  to.set_reference_id(ntp::ReferenceIdText(from.reference_id, from.stratum));
}

}  // namespace

v1::Report ToReport(const ntp::Snapshot& snapshot) {
  v1::Report report;
  report.set_host_time_us(Microseconds(snapshot.at.system.time_since_epoch()));
  report.set_monotonic_us(Microseconds(snapshot.at.mono.time_since_epoch()));
  report.set_stratum(snapshot.stratum);
  report.set_leap(ToLeap(snapshot.leap));
  if (snapshot.synchronised) {
    report.set_offset_ns(snapshot.offset.count());
    report.set_error_bound_ns(Nanoseconds(snapshot.error_bound));
    report.set_root_delay_ns(Nanoseconds(snapshot.root_delay));
    report.set_root_dispersion_ns(Nanoseconds(snapshot.root_dispersion));
    report.set_jitter_ns(Nanoseconds(snapshot.jitter));
    report.set_frequency_ppb(std::llround(snapshot.frequency.value * 1e3));
  }
  for (const ntp::SourceSnapshot& source : snapshot.sources) Fill(source, *report.add_sources());
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
