#include "controller/sync/reference.h"

#include <algorithm>

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::sync {
namespace {

// A quartz clock that nothing steers; RFC 5905's PHI is 15 ppm, cheap ones reach 100.
constexpr int64_t kFreeDriftDivisor = 1'000'000 / 100;
// A kernel that claims to be synchronised and allows itself more than this is in holdover.
constexpr Duration kSaneMaxError = std::chrono::seconds(1);

constexpr const char* kTrust =
    "--trust-controller-clock takes this machine's clock for right instead: every host will be as "
    "wrong as it is";

bool Usable(const RelayState& relay) {
  return relay.kind == RelayState::Kind::kSynchronised && relay.measured.has_value();
}

std::string DescribeAll(const std::vector<RelayState>& relays) {
  std::string text;
  for (const RelayState& relay : relays) {
    if (!text.empty()) text += "; ";
    text += Describe(relay);
  }
  return text;
}

Judgement OwnClock(const KernelClock& kernel, Now now) {
  Judgement judgement;
  judgement.reference.name = "this machine's clock";
  judgement.reference.as_of = now;
  judgement.reference.drifts = !kernel.synchronised;
  if (kernel.synchronised) judgement.reference.ahead.bound = kernel.max_error;
  return judgement;
}

bool Contradict(const Estimate& a, const Estimate& b, Duration tolerance) {
  return Abs(a.offset - b.offset) > tolerance + a.bound + b.bound;
}

StatusOr<Judgement> WithoutRelay(const KernelClock& kernel, const std::vector<RelayState>& relays,
                                 Now now) {
  const bool any_unsynchronised = std::any_of(
      relays.begin(), relays.end(),
      [](const RelayState& relay) { return relay.kind == RelayState::Kind::kUnsynchronised; });
  const bool good = kernel.synchronised && kernel.max_error < kSaneMaxError;
  if (any_unsynchronised || !good) {
    return absl::FailedPreconditionError(fmt::format(
        "no clock to measure by, so nothing is set: {}; this machine's own clock is {}. "
        "Synchronise "
        "a relay (fleetsync status --live shows them), name another with --relay, or synchronise "
        "this machine; {}",
        DescribeAll(relays), good ? "synchronised" : "not synchronised", kTrust));
  }
  Judgement judgement = OwnClock(kernel, now);
  judgement.warnings.push_back(
      fmt::format("hosts are measured by this machine's clock alone: {}", DescribeAll(relays)));
  return judgement;
}

}  // namespace

std::string DisplayName(const RelayState& relay) {
  if (relay.address.empty() || relay.address == relay.name) return relay.name;
  return fmt::format("{} ({})", relay.name, relay.address);
}

std::string Describe(const RelayState& relay) {
  const std::string name = DisplayName(relay);
  const std::string why = relay.detail.empty() ? "" : fmt::format(" ({})", relay.detail);
  switch (relay.kind) {
    case RelayState::Kind::kNotAsked:
      return fmt::format("{} was not asked{}", name, why);
    case RelayState::Kind::kSynchronised:
      return fmt::format("{} is synchronised at stratum {}", name, relay.stratum);
    case RelayState::Kind::kUnsynchronised:
      return fmt::format("{} is not synchronised itself{}", name, why);
    case RelayState::Kind::kSilent:
      return fmt::format("{} does not answer on UDP 123{}", name, why);
    case RelayState::Kind::kUnknownName:
      return fmt::format("{} has no address{}", name, why);
  }
  return name;
}

StatusOr<Estimate> Reference::Apply(const Estimate& ours_from_host, Now now) const {
  const Duration stepped = SteppedBetween(as_of, now);
  if (stepped != Duration::zero()) {
    return absl::FailedPreconditionError(
        fmt::format("this machine's own clock was stepped by {} during the run; find out by what, "
                    "and run again",
                    FormatSigned(stepped)));
  }
  Estimate estimate{ours_from_host.offset + ahead.offset, ours_from_host.bound + ahead.bound};
  if (drifts) estimate.bound += Abs(now.mono - as_of.mono) / kFreeDriftDivisor;
  return estimate;
}

StatusOr<Judgement> Judge(const KernelClock& kernel, const std::vector<RelayState>& relays,
                          const JudgePolicy& policy, Now now) {
  if (policy.trust_controller_clock) {
    Judgement judgement = OwnClock(kernel, now);
    judgement.warnings.push_back(
        "this machine's clock is trusted unchecked (--trust-controller-clock): every host will be "
        "as wrong as it is");
    return judgement;
  }
  const RelayState* best = nullptr;
  for (const RelayState& relay : relays) {
    if (!Usable(relay)) continue;
    if (best == nullptr || relay.measured->bound < best->measured->bound) best = &relay;
  }
  if (best == nullptr) return WithoutRelay(kernel, relays, now);

  Judgement judgement;
  for (const RelayState& relay : relays) {
    if (!Usable(relay)) {
      judgement.warnings.push_back(fmt::format("{}: not used", Describe(relay)));
    } else if (Contradict(*relay.measured, *best->measured, policy.tolerance)) {
      return absl::FailedPreconditionError(fmt::format(
          "the relays contradict each other, so nothing is set: {} is {} from {}. Find out which "
          "is right, and name it with --relay",
          DisplayName(relay), FormatSigned(relay.measured->offset - best->measured->offset),
          DisplayName(*best)));
    }
  }
  if (Contradict(*best->measured, Estimate{}, policy.tolerance)) {
    return absl::FailedPreconditionError(
        fmt::format("this machine's clock and {} are {} ± {} apart (this machine is {}; its kernel "
                    "says {}), so "
                    "nothing is set. Set the one that is wrong first; {}",
                    DisplayName(*best), FormatDuration(Abs(best->measured->offset)),
                    FormatDuration(best->measured->bound),
                    best->measured->offset > Duration::zero() ? "behind" : "ahead",
                    kernel.synchronised ? "synchronised" : "not synchronised", kTrust));
  }
  judgement.reference = {.name = fmt::format("{}, stratum {}", DisplayName(*best), best->stratum),
                         .ahead = *best->measured,
                         .as_of = best->measured_at,
                         .drifts = !kernel.synchronised};
  return judgement;
}

}  // namespace fleetsync::sync
