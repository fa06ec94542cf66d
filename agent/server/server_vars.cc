#include "agent/server/server_vars.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

namespace fleetsync::server {
namespace {

// "127.127.1.1", as chronyd and ntpd name their own clock; letters at stratum 1.
constexpr uint32_t kLocalReference = 0x7f7f0101;
constexpr uint32_t kLocalStratumOne = ntp::ReferenceId("LOCL");

// Another program may slew the clock, chronyd by up to a twelfth (maxslewrate); anything faster is
// a step, after which what was believed about this clock is void.
constexpr double kFastestSlew = 0.1;
constexpr Duration kReadingSlack = std::chrono::milliseconds(10);

// When the clock was last compared with the source that is followed.
SystemTime TimeOfReference(const ntp::Snapshot& snapshot) {
  Duration age{};
  for (const ntp::SourceSnapshot& source : snapshot.sources) {
    if (source.state != ntp::SourceState::kSelected || !source.sample_age) continue;
    age = *source.sample_age;
  }
  return snapshot.at.system + snapshot.offset - age;
}

}  // namespace

Duration SteppedBy(const Now& then, const Now& now) {
  const Duration elapsed = now.mono - then.mono;
  const Duration moved = (now.system - then.system) - elapsed;
  const Duration slewed = kReadingSlack + FromSeconds(kFastestSlew * ToSeconds(Abs(elapsed)));
  return Abs(moved) > slewed ? moved : Duration::zero();
}

ServerVars FromSnapshot(const ntp::Snapshot& snapshot, int8_t precision, const ServerVars& last) {
  ServerVars vars{.as_of = snapshot.at, .precision = precision};
  const bool holdover = snapshot.holdover && last.synchronised();
  if (!snapshot.synchronised && !holdover) return vars;
  if (holdover) {
    vars = last;
    vars.as_of = snapshot.at;
    vars.root_dispersion = Duration::zero();
  } else {
    vars.root_delay = snapshot.root_delay;
    vars.root_dispersion = snapshot.root_dispersion;
    vars.reference_id = snapshot.reference_id;
    vars.stratum = snapshot.stratum;
    vars.leap = snapshot.leap;
    vars.reference_time = TimeOfReference(snapshot);
  }
  vars.offset = snapshot.offset;
  vars.root_dispersion = std::max(vars.root_dispersion, snapshot.error_bound - vars.root_delay / 2);
  return vars;
}

ServerVars FromLocalClock(Now now, Duration offset, uint8_t stratum, int8_t precision) {
  return {.as_of = now,
          .offset = offset,
          .reference_time = now.system + offset,
          .wander = 0,
          .reference_id = stratum == 1 ? kLocalStratumOne : kLocalReference,
          .stratum = stratum,
          .precision = precision,
          .leap = ntp::Leap::kNone};
}

static_assert(std::is_trivially_copyable_v<ServerVars>);

// Every access of a word is atomic and ordered against `sequence_` without a fence, which the
// thread sanitizer does not understand: who sees a new word (acquire) sees the odd number that was
// stored before it (release).
void PublishedVars::Publish(const ServerVars& vars) {
  static_assert(sizeof vars <= sizeof(uint64_t) * kWords);
  std::array<uint64_t, kWords> plain{};
  std::memcpy(plain.data(), &vars, sizeof vars);
  const uint64_t before = sequence_.load(std::memory_order_relaxed);
  sequence_.store(before + 1, std::memory_order_relaxed);
  for (size_t i = 0; i < kWords; ++i) words_[i].store(plain[i], std::memory_order_release);
  sequence_.store(before + 2, std::memory_order_release);
}

ServerVars PublishedVars::Read() const {
  std::array<uint64_t, kWords> plain{};
  uint64_t before = 0;
  do {
    before = sequence_.load(std::memory_order_acquire);
    for (size_t i = 0; i < kWords; ++i) plain[i] = words_[i].load(std::memory_order_acquire);
  } while (before % 2 != 0 || before != sequence_.load(std::memory_order_relaxed));
  ServerVars vars;
  std::memcpy(static_cast<void*>(&vars), plain.data(), sizeof vars);
  return vars;
}

}  // namespace fleetsync::server
