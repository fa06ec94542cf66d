#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>

#include "agent/engine/action.h"
#include "agent/engine/config.h"
#include "agent/engine/delay_model.h"
#include "agent/engine/estimator.h"
#include "agent/engine/poll_control.h"
#include "agent/engine/sample_filter.h"
#include "agent/engine/snapshot.h"
#include "base/time.h"
#include "proto/ntp/exchange.h"
#include "proto/ntp/mac.h"

namespace fleetsync::ntp {

using Random = std::mt19937_64;

// One source: when to ask it, which answers to take, what they say. Times it is handed never go
// back on the monotonic line. Not thread-safe.
class Association {
 public:
  // What all sources of a host share.
  struct Host {
    int8_t precision = -20;                  // of the local clock, log2 seconds
    uint32_t reference_id = 0;               // of this host; 0: loops are not looked for
    Authenticator* authenticator = nullptr;  // for sources with a key; outlives this
  };
  Association(SourceId id, SourceConfig config, Host host);

  void Start(Now now, Random& random, Actions& actions);
  void OnTimer(Now now, Random& random, Actions& actions);
  void OnSent(Now now, uint64_t token, SystemTime sent);
  // The sample that it was, if it was one.
  std::optional<Sample> OnPacket(Now now, Random& random, std::span<const std::byte> wire,
                                 SystemTime received, Actions& actions);
  // None: no usable address; asked again later, ever more seldom.
  void OnResolved(Now now, std::optional<Address> address);
  // What was measured is void; measure anew, at once.
  void Restart(Now now);
  // Something is not as it was believed: ask again at once, and often from now on.
  void Doubt(Now now);
  // The server or the clock has jumped: of the samples only the newest counts.
  void ForgetOlderSamples() { filter_.KeepNewest(); }
  void ForgetSamples() { filter_.Clear(); }
  // After a sample of this source has gone into `belief`.
  void Pace(const Belief& belief) { poll_.OnSample(belief, delays_.Typical()); }
  void PaceAs(int8_t poll) { poll_.Set(poll); }
  int8_t poll() const { return poll_.poll(); }

  MonoTime next_timer() const { return next_timer_; }
  const std::optional<Address>& address() const { return address_; }
  // The samples carried forward to `now`; none while the source cannot be believed at all.
  std::optional<Estimate> At(Now now, std::optional<SampleFilter::Rate> known) const;
  std::span<const Sample> samples() const { return filter_.samples(); }
  const DelayModel& delays() const { return delays_; }
  // What could be heard at a start has been heard.
  bool Heard() const;
  const SourceConfig& config() const { return config_; }
  // Of the server, as it said last.
  uint32_t reference_id() const { return reference_id_; }
  // Leap seconds: as configured, or as ntpd marks its answers (RFC-less; its leapsmearinterval).
  bool Smears() const { return config_.smear || (reference_id_ >> 24 == 254 && stratum_ > 1); }
  // Of the server from its reference, as it said last.
  Duration root_distance() const { return root_distance_; }
  SourceSnapshot TakeSnapshot(Now now, std::optional<SampleFilter::Rate> known)
      const;  // state is left kUnreachable: selection decides
  uint8_t stratum() const { return stratum_; }
  Leap leap() const { return leap_; }
  // Why the last answer was no sample; empty: it was.
  const std::string& trouble() const { return trouble_; }

 private:
  struct Outstanding {
    Request request;
    std::optional<Now> sent;         // none: it has not left
    Timestamp interleaved_cookie{};  // zero: not asked in interleaved mode
  };

  // The last good exchange, of which a server in interleaved mode (RFC 9769) tells in its next
  // answer when its own answer really left.
  struct Previous {
    SystemTime sent;      // T1, on the system clock as it was at `now`
    SystemTime received;  // T4
    Timestamp server_received;
    Now now;
  };

  Packet MakeRequest(Random& random);
  // What the answer measures: the exchange it answers, or in interleaved mode the one before.
  struct Exchange {
    Request request;
    Packet answer;
    SystemTime received;
    Now now;
  };
  Exchange ExchangeOf(Now now, const Packet& answer, SystemTime received) const;
  SystemTime SentAt(Now now) const;
  void Remember(Now now, const Packet& answer, SystemTime received);
  void Transmit(Now now, Random& random, Actions& actions);
  // Whether the answer was made with the key agreed on; always, where there is none.
  bool IsAuthentic(const Decoded& answer);
  std::optional<Sample> TakeSample(Now now, const Packet& packet, const Measurement& measurement);
  void OnKiss(Now now, Random& random, const Packet& packet, Actions& actions);
  Duration Interval(Random& random) const;
  Duration AfterTheBurst(Random& random);

  SourceId id_;
  SourceConfig config_;
  Host host_;

  std::optional<Address> address_;
  MonoTime next_timer_ = MonoTime::max();
  PollControl poll_;
  int burst_left_ = 0;         // requests still to be sent in quick succession
  bool burst_allowed_ = true;  // until the server says RATE
  Duration ramp_{};            // the interval after the burst, doubled until it is the poll
  bool ramp_repeats_ = false;  // each is used twice
  bool denied_ = false;        // the server said DENY or RSTR: never asked again
  int resolve_attempts_ = 0;
  bool resolving_ = false;

  std::optional<Outstanding> outstanding_;
  std::optional<Previous> previous_;  // in interleaved mode alone
  bool interleaved_ = false;          // the last answer was so
  bool was_interleaved_ = false;
  uint8_t reach_ = 0;
  int unanswered_ = 0;  // requests since the last good answer
  bool fit_ = true;     // false: the last answer said that the server itself is lost
  SampleFilter filter_;
  DelayModel delays_;
  Duration root_distance_{};
  uint8_t stratum_ = 16;
  Leap leap_ = Leap::kUnsynchronised;
  uint32_t reference_id_ = 0;
  std::string trouble_;
};

}  // namespace fleetsync::ntp
