// The clock of one lab host: a page shared by every process of the host (through the preloaded vclock.so, see
// vclock.c) and by the lab (vclockctl.c), which reads the truth from it.
//
// The host's real-time clock is a function of the machine's CLOCK_MONOTONIC. That clock runs at the rate of the
// machine's CLOCK_REALTIME but is never stepped, so a host's true offset is the difference of two readings.
#ifndef FLEETSYNC_LAB_VCLOCK_H_
#define FLEETSYNC_LAB_VCLOCK_H_

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

// Where a host finds its clock. /run stays writable in units with ProtectSystem=strict and with a read-only root.
#define VCLOCK_FILE "/run/fleetsync-lab/clock"
#define VCLOCK_SIZE 4096
#define VCLOCK_MAGIC 0x76636c6bu

#define NS_PER_S INT64_C(1000000000)
#define NOMINAL_TICK_US 10000       // timex.tick of a clock that is not adjusted: microseconds in 1/100 s
#define FREQ_UNITS_PER_PPM 65536.0  // timex.freq counts 2^-16 ppm
#define SINGLESHOT_SLEW_PPM 500.0   // adjtime() moves the clock this fast
#define SHIFT_PLL 2                 // the kernel's loop does a part of 2^-(SHIFT_PLL + constant) each second
#define MAXERROR_PER_S_US 500       // how fast maxerror grows, MAXFREQ
#define MAXERROR_LIMIT_US 16000000  // and where it ends, NTP_PHASE_LIMIT: the clock counts as unsynchronised

struct vclock {
  uint32_t magic;
  uint32_t lock;             // held by a writer
  uint32_t seq;              // odd while a writer is at work; see vclock_snapshot()
  int32_t status;            // timex.status
  int64_t base_mono_ns;      // the machine's CLOCK_MONOTONIC when the fields below were true
  int64_t base_real_ns;      // the host's CLOCK_REALTIME at that moment
  double crystal_ppm;        // error of the host's oscillator: set by the lab, unknown to the host
  int64_t freq;              // timex.freq
  int64_t tick;              // timex.tick
  int64_t base_raw_ns;       // and its CLOCK_MONOTONIC_RAW: the oscillator's, which no setting changes
  double pll_offset_ns;      // what the kernel's loop (ADJ_OFFSET) has left to slew after the present second
  double pll_chunk_ns;       // how much of it the clock slews in the present second
  int64_t pll_updated_ns;    // base_mono_ns of the last ADJ_OFFSET
  double slew_left_ns;       // what adjtime() has left to slew
  int64_t maxerror, esterror, constant, tai;  // timex fields the host reads back
  uint64_t settings;         // calls that set the clock to an absolute time
  uint64_t adjustments;      // calls that changed its rate, its slew or its status
  uint64_t steps;            // changes of the clock by a jump, absolute or relative
  int64_t last_step_ns;      // size of the last of them; positive: forward
};

static inline int64_t timespec_to_ns(const struct timespec *t) { return t->tv_sec * NS_PER_S + t->tv_nsec; }

// Rounds towards minus infinity, so that tv_nsec is never negative, also for a host that lives before 1970.
static inline struct timespec timespec_from_ns(int64_t ns) {
  struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
  if (t.tv_nsec < 0) {
    t.tv_nsec += NS_PER_S;
    t.tv_sec--;
  }
  return t;
}

// How much faster than the truth the clock runs: 1e-6 is one ppm. Slews come on top.
static inline double vclock_rate(const struct vclock *v) {
  double crystal = 1 + v->crystal_ppm * 1e-6;
  double tick = (double)v->tick / NOMINAL_TICK_US;
  double freq = (double)v->freq / FREQ_UNITS_PER_PPM * 1e-6;
  return crystal * (tick + freq) - 1;
}

// Once a second the kernel takes a part of its loop's offset, which it then spreads over that second
// (second_overflow()). Here a second begins when the machine's CLOCK_MONOTONIC is a whole one.
static inline int64_t vclock_seconds_begun(const struct vclock *v, int64_t mono_ns) {
  return mono_ns / NS_PER_S - v->base_mono_ns / NS_PER_S;
}

// What the loop has left, and what it does in the present second, when `seconds` have begun since base_mono_ns.
static inline double vclock_pll_left_ns(const struct vclock *v, int64_t seconds) {
  return v->pll_offset_ns * pow(1 - ldexp(1, -(SHIFT_PLL + (int)v->constant)), (double)seconds);
}

static inline double vclock_pll_chunk_ns(const struct vclock *v, int64_t seconds) {
  if (seconds == 0) return v->pll_chunk_ns;
  return vclock_pll_left_ns(v, seconds - 1) - vclock_pll_left_ns(v, seconds);
}

// The parts of both slews that are done since base_mono_ns.
static inline double vclock_pll_done_ns(const struct vclock *v, int64_t mono_ns) {
  int64_t seconds = vclock_seconds_begun(v, mono_ns);
  double now_s = (double)(mono_ns % NS_PER_S) * 1e-9, base_s = (double)(v->base_mono_ns % NS_PER_S) * 1e-9;
  if (seconds == 0) return v->pll_chunk_ns * (now_s - base_s);
  double whole_seconds = v->pll_offset_ns - vclock_pll_left_ns(v, seconds - 1);
  return v->pll_chunk_ns * (1 - base_s) + whole_seconds + vclock_pll_chunk_ns(v, seconds) * now_s;
}

static inline double vclock_slew_done_ns(const struct vclock *v, double elapsed_s) {
  double limit = elapsed_s * SINGLESHOT_SLEW_PPM * 1000;
  return fabs(v->slew_left_ns) < limit ? v->slew_left_ns : copysign(limit, v->slew_left_ns);
}

// The host's CLOCK_REALTIME when the machine's CLOCK_MONOTONIC is `mono_ns`.
static inline int64_t vclock_at(const struct vclock *v, int64_t mono_ns) {
  int64_t elapsed_ns = mono_ns - v->base_mono_ns;
  double elapsed_s = (double)elapsed_ns * 1e-9;
  double gained_ns = (double)elapsed_ns * vclock_rate(v) + vclock_pll_done_ns(v, mono_ns) +
                     vclock_slew_done_ns(v, elapsed_s);
  return v->base_real_ns + elapsed_ns + llrint(gained_ns);
}

// And its CLOCK_MONOTONIC_RAW: what its oscillator counts.
static inline int64_t vclock_raw_at(const struct vclock *v, int64_t mono_ns) {
  int64_t elapsed_ns = mono_ns - v->base_mono_ns;
  return v->base_raw_ns + elapsed_ns + llrint((double)elapsed_ns * v->crystal_ppm * 1e-6);
}

static inline void vclock_grow_maxerror(struct vclock *v, int64_t seconds) {
  v->maxerror += MAXERROR_PER_S_US * seconds;
  if (v->maxerror <= MAXERROR_LIMIT_US) return;
  v->maxerror = MAXERROR_LIMIT_US;
  v->status |= STA_UNSYNC;
}

// Makes `mono_ns` the new base, so that rate and offset can be changed from there on. Under the lock only.
static inline void vclock_rebase(struct vclock *v, int64_t mono_ns) {
  double elapsed_s = (double)(mono_ns - v->base_mono_ns) * 1e-9;
  double slew_done_ns = vclock_slew_done_ns(v, elapsed_s);
  int64_t seconds = vclock_seconds_begun(v, mono_ns);
  int64_t real_ns = vclock_at(v, mono_ns), raw_ns = vclock_raw_at(v, mono_ns);
  double chunk_ns = vclock_pll_chunk_ns(v, seconds), left_ns = vclock_pll_left_ns(v, seconds);
  v->base_real_ns = real_ns;
  v->base_raw_ns = raw_ns;
  v->base_mono_ns = mono_ns;
  v->pll_chunk_ns = chunk_ns;
  v->pll_offset_ns = left_ns;
  v->slew_left_ns -= slew_done_ns;
  vclock_grow_maxerror(v, seconds);
}

// A jump of the clock, as the kernel does it: slews in progress are forgotten, the clock counts as unsynchronised.
// chronyd makes one of size zero when it starts, to see whether it may; tests would not want it counted.
static inline void vclock_step(struct vclock *v, int64_t by_ns) {
  v->base_real_ns += by_ns;
  v->pll_offset_ns = 0;
  v->pll_chunk_ns = 0;
  v->slew_left_ns = 0;
  v->status |= STA_UNSYNC;
  v->maxerror = v->esterror = MAXERROR_LIMIT_US;
  if (by_ns == 0) return;
  v->steps++;
  v->last_step_ns = by_ns;
}

typedef int64_t (*vclock_mono_fn)(void);

// A writer may be killed while it holds the lock, and nobody could tell (its pid means nothing in other namespaces):
// so a lock held far longer than the microsecond a change takes is taken over.
#define VCLOCK_LOCK_STALE_NS (NS_PER_S / 5)

static inline void vclock_lock(struct vclock *v, vclock_mono_fn mono) {
  int64_t since = mono();
  while (__atomic_exchange_n(&v->lock, 1, __ATOMIC_ACQUIRE) != 0) {
    if (mono() - since > VCLOCK_LOCK_STALE_NS) break;
  }
  __atomic_store_n(&v->seq, v->seq | 1, __ATOMIC_SEQ_CST);
  vclock_rebase(v, mono());
}

static inline void vclock_unlock(struct vclock *v) {
  __atomic_store_n(&v->seq, (v->seq | 1) + 1, __ATOMIC_SEQ_CST);
  __atomic_store_n(&v->lock, 0, __ATOMIC_RELEASE);
}

// A consistent copy without a lock: retried while a writer is at work, given up if that writer died half way.
static inline struct vclock vclock_snapshot(const struct vclock *v, vclock_mono_fn mono) {
  struct vclock copy;
  int64_t since = mono();
  for (;;) {
    uint32_t before = __atomic_load_n(&v->seq, __ATOMIC_SEQ_CST);
    memcpy(&copy, (const void *)v, sizeof copy);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    bool stable = (before & 1) == 0 && __atomic_load_n(&v->seq, __ATOMIC_SEQ_CST) == before;
    if (stable || mono() - since > VCLOCK_LOCK_STALE_NS) return copy;
  }
}

#endif  // FLEETSYNC_LAB_VCLOCK_H_
