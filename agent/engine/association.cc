#include "agent/engine/association.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "proto/ntp/names.h"

namespace fleetsync::ntp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kBurstSpacing = seconds(2);  // RFC 5905 13: servers rate-limit closer ones
constexpr int kBurstSize = 4;
constexpr Duration kFirstSpread = milliseconds(200);  // several sources are not asked at once
constexpr double kIntervalSpread = 0.04;              // so that a fleet does not ask in step
constexpr Duration kFirstAfterBurst = seconds(8);
constexpr Duration kDoubtSpacing = seconds(2);
constexpr int kQuickRetries = 7;  // after a lost answer, at the shortest interval
constexpr Duration kFirstResolveRetry = seconds(2);
constexpr int kMaxResolveDoublings = 6;  // to 128 s
constexpr int kUnansweredBeforeResolve = 8;

Timestamp Cookie(Random& random) {
  const Timestamp cookie{random()};
  return cookie.IsZero() ? Timestamp{1} : cookie;
}

double Uniform(Random& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

}  // namespace

Association::Association(SourceId id, SourceConfig config, Host host)
    : id_(id), config_(std::move(config)), host_(host), poll_(config_.minpoll, config_.maxpoll) {}

void Association::Start(Now now, Random& random, Actions& actions) {
  burst_left_ = config_.iburst ? kBurstSize : 0;
  ramp_ = config_.iburst ? kFirstAfterBurst : Duration::max();
  next_timer_ = now.mono + FromSeconds(ToSeconds(kFirstSpread) * Uniform(random));
  resolving_ = true;
  actions.push_back(Resolve{id_, config_.name, config_.port});
}

Duration Association::Interval(Random& random) const {
  const bool lost = unanswered_ > 1 && unanswered_ <= 1 + kQuickRetries && reach_ != 0;
  const int8_t poll = lost ? std::min(poll_.poll(), config_.minpoll) : poll_.poll();
  return FromSeconds(ToSeconds(FromLog2(poll)) * (1 + kIntervalSpread * Uniform(random)));
}

// The frequency is best learned over ever longer spans: from one burst it is known too badly to
// be left alone for a whole interval.
Duration Association::AfterTheBurst(Random& random) {
  const Duration interval = Interval(random);
  if (ramp_ >= interval) return interval;
  ramp_repeats_ = !ramp_repeats_;
  return ramp_repeats_ ? ramp_ : std::exchange(ramp_, ramp_ * 2);
}

void Association::OnTimer(Now now, Random& random, Actions& actions) {
  if (now.mono < next_timer_ || denied_) return;
  const bool address_is_stale = address_ && unanswered_ >= kUnansweredBeforeResolve;
  if ((!address_ || address_is_stale) && !resolving_) {
    resolving_ = true;
    unanswered_ = 0;
    actions.push_back(Resolve{id_, config_.name, config_.port});
  }
  if (address_) {
    Transmit(now, random, actions);
  } else {
    next_timer_ = now.mono + kFirstResolveRetry;  // OnResolved moves it
  }
}

void Association::OnResolved(Now now, std::optional<Address> address) {
  resolving_ = false;
  if (!address) {
    if (address_) return;  // keep asking the old one
    trouble_ = "the name does not resolve";
    next_timer_ = now.mono + kFirstResolveRetry * (1 << resolve_attempts_);
    resolve_attempts_ = std::min(resolve_attempts_ + 1, kMaxResolveDoublings);
    return;
  }
  resolve_attempts_ = 0;
  if (address_ == address) return;
  if (address_) {  // another server: its samples are not comparable
    filter_.Clear();
    delays_.Clear();
    previous_.reset();
  }
  const bool first = !address_;
  address_ = address;
  outstanding_.reset();
  reach_ = 0;
  trouble_.clear();
  next_timer_ = first ? std::min(next_timer_, now.mono + kFirstSpread) : now.mono;
}

void Association::Restart(Now now) {
  filter_.Clear();
  previous_.reset();
  outstanding_.reset();
  if (denied_) return;
  burst_left_ = burst_allowed_ ? kBurstSize : 0;
  if (burst_allowed_) ramp_ = kFirstAfterBurst;
  poll_.Restart();
  if (address_) next_timer_ = now.mono;
}

void Association::Doubt(Now now) {
  poll_.Restart();
  if (address_ && !denied_ && burst_allowed_)
    next_timer_ = std::min(next_timer_, now.mono + kDoubtSpacing);
}

bool Association::Heard() const {
  if (denied_ || config_.noselect) return true;
  return filter_.samples().size() >= (config_.iburst && burst_allowed_ ? kBurstSize - 1 : 1);
}

Packet Association::MakeRequest(Random& random) {
  Packet request = ClientRequest(Cookie(random), poll_.poll());
  if (!config_.xleave || !previous_) return request;
  request.origin = previous_->server_received;
  request.receive = Cookie(random);
  return request;
}

void Association::Transmit(Now now, Random& random, Actions& actions) {
  if (outstanding_ && trouble_.empty()) trouble_ = "no answer";
  reach_ = static_cast<uint8_t>(reach_ << 1);
  ++unanswered_;
  const Packet request = MakeRequest(random);
  outstanding_ =
      Outstanding{{.cookie = request.transmit, .sent = now.system, .precision = host_.precision},
                  std::nullopt,
                  request.receive};

  Send send{id_, *address_, {}, kHeaderSize, request.transmit.bits};
  Encode(request, std::span<std::byte, kHeaderSize>(send.bytes.data(), kHeaderSize));
  if (config_.key && host_.authenticator != nullptr) {
    const std::span<std::byte> whole(send.bytes);
    send.size = static_cast<uint8_t>(
        send.size + host_.authenticator->Append(*config_.key, whole.first(kHeaderSize),
                                                whole.subspan(kHeaderSize)));
  }
  actions.push_back(send);

  if (burst_left_ > 0) --burst_left_;
  next_timer_ = now.mono + (burst_left_ > 0 ? kBurstSpacing : AfterTheBurst(random));
}

void Association::OnSent(Now now, uint64_t token, SystemTime sent) {
  if (!outstanding_ || outstanding_->request.cookie.bits != token) return;
  outstanding_->request.sent = sent;
  outstanding_->sent = now;
}

Association::Exchange Association::ExchangeOf(Now now, const Packet& answer,
                                              SystemTime received) const {
  const Timestamp interleaved = outstanding_->interleaved_cookie;
  if (previous_ && !interleaved.IsZero() && answer.origin == interleaved) {
    Packet before = answer;
    before.receive = previous_->server_received;
    return {{.cookie = interleaved, .sent = previous_->sent, .precision = host_.precision},
            before,
            previous_->received,
            previous_->now};
  }
  Request request = outstanding_->request;
  request.sent = SentAt(now);
  return {request, answer, received, now};
}

// Whoever moved the clock between request and answer has moved T1 against T4: the raw clock tells
// when the request left.
SystemTime Association::SentAt(Now now) const {
  const Now& sent = *outstanding_->sent;
  return outstanding_->request.sent + (now.system - sent.system) - (now.mono - sent.mono);
}

void Association::Remember(Now now, const Packet& answer, SystemTime received) {
  const bool asked = !outstanding_->interleaved_cookie.IsZero();
  interleaved_ = asked && answer.origin == outstanding_->interleaved_cookie;
  if (interleaved_ && !std::exchange(was_interleaved_, true)) {
    // What was measured before had the server's worse stamps, and shorter delays than the truth.
    filter_.Clear();
    delays_.Clear();
  }
  if (config_.xleave) previous_ = Previous{SentAt(now), received, answer.receive, now};
}

std::optional<Sample> Association::OnPacket(Now now, Random& random,
                                            std::span<const std::byte> wire, SystemTime received,
                                            Actions& actions) {
  if (!outstanding_ || !outstanding_->sent) return std::nullopt;
  const Decoded decoded = Decode(wire);
  if (!decoded.ok()) return std::nullopt;
  Exchange exchange = ExchangeOf(now, decoded.packet, received);
  if (host_.reference_id != 0) exchange.request.own_reference_ids = {&host_.reference_id, 1};
  const ExchangeResult result = Evaluate(exchange.request, exchange.answer, exchange.received);
  if (result.verdict == Verdict::kNotAServer || result.verdict == Verdict::kOriginMismatch) {
    return std::nullopt;  // not the answer: it may still come
  }
  if (!IsAuthentic(decoded)) return std::nullopt;  // the true one may still come
  std::optional<Sample> sample;
  if (result.verdict == Verdict::kGood) {
    Remember(now, decoded.packet, received);
    sample = TakeSample(exchange.now, decoded.packet, result.measurement);
    if (reach_ == 0 && config_.iburst && burst_allowed_ && burst_left_ == 0) {
      burst_left_ = kBurstSize - 1;
      next_timer_ = now.mono + kBurstSpacing;
    }
    reach_ |= 1;
    unanswered_ = 0;
    fit_ = true;
  } else if (result.verdict == Verdict::kKiss) {
    OnKiss(now, random, decoded.packet, actions);
  } else {
    trouble_ = Describe(result.verdict);
    fit_ = result.verdict != Verdict::kUnsynchronised && result.verdict != Verdict::kRootDistance &&
           result.verdict != Verdict::kLoop;
  }
  outstanding_.reset();
  return sample;
}

bool Association::IsAuthentic(const Decoded& answer) {
  if (!config_.key) return true;
  const MacVerdict verdict =
      host_.authenticator == nullptr
          ? MacVerdict::kUnknownKey
          : host_.authenticator->Check(answer.covered, answer.mac, config_.key).verdict;
  if (verdict != MacVerdict::kGood) trouble_ = fmt::format("not authentic: {}", Describe(verdict));
  return verdict == MacVerdict::kGood;
}

std::optional<Sample> Association::TakeSample(Now now, const Packet& packet,
                                              const Measurement& measurement) {
  if (config_.max_delay && measurement.delay > *config_.max_delay) {
    trouble_ = "the answer took longer than maxdelay";
    return std::nullopt;
  }
  const Sample sample{.at = now,
                      .offset = measurement.offset + config_.offset,
                      .delay = measurement.delay,
                      .dispersion = measurement.dispersion,
                      .root_delay = packet.root_delay,
                      .root_dispersion = packet.root_dispersion};
  filter_.Add(sample);
  delays_.Add(ToSeconds(measurement.delay));
  root_distance_ = packet.root_delay / 2 + packet.root_dispersion;
  stratum_ = packet.stratum;
  leap_ = packet.leap;
  reference_id_ = packet.reference_id;
  trouble_.clear();
  return sample;
}

void Association::OnKiss(Now now, Random& random, const Packet& packet, Actions& actions) {
  trouble_ = fmt::format("kiss-o'-death {}", ReferenceIdText(packet.reference_id, 0));
  actions.push_back(Note{Note::Kind::kKissed, id_, {}, trouble_});
  switch (KissOf(packet.reference_id)) {
    case Kiss::kRate:
      burst_allowed_ = false;
      burst_left_ = 0;
      ramp_ = Duration::max();
      poll_.Slow();
      next_timer_ = now.mono + Interval(random);
      return;
    case Kiss::kDeny:
    case Kiss::kRestrict:
      denied_ = true;
      reach_ = 0;
      filter_.Clear();
      next_timer_ = MonoTime::max();
      return;
    case Kiss::kOther:
      return;
  }
}

std::optional<Estimate> Association::At(Now now, std::optional<SampleFilter::Rate> known) const {
  if (reach_ == 0 || !fit_) return std::nullopt;
  return filter_.At(now, known);
}

SourceSnapshot Association::TakeSnapshot(Now now, std::optional<SampleFilter::Rate> known) const {
  SourceSnapshot s;
  s.id = id_;
  s.name = config_.name;
  s.address = address_;
  s.stratum = stratum_;
  s.reach = reach_;
  s.poll = poll_.poll();
  s.reference_id = reference_id_;
  s.trouble = trouble_;
  s.interleaved = interleaved_;
  if (const std::optional<Estimate> e = filter_.At(now, known)) {
    s.offset = e->offset;
    s.error_bound = e->error_bound;
    s.delay = e->delay;
    s.jitter = e->jitter;
    s.sample_age = now.mono - e->newest;
  }
  return s;
}

}  // namespace fleetsync::ntp
