// vclock.so: gives the processes of a lab host a real-time clock of their own.
//
// Preloaded through the host's /etc/ld.so.preload, it answers the C library's functions that read, set or adjust
// CLOCK_REALTIME from the page described in vclock.h. The machine's clock is only ever read. Reading takes no system
// call beyond the vDSO, and setting takes none at all: daemons that locked themselves in with seccomp keep working.
//
// Not covered: static programs, raw system calls, file times, timers on the real-time clock (timerfd, futex).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "vclock.h"

// dlsym by its old version, in a library of its own then: so that what is compiled here also loads in the older
// Debian of a lab host. The other symbols this file needs are old enough.
#if defined(__x86_64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.2.5");
#elif defined(__aarch64__)
__asm__(".symver dlsym, dlsym@GLIBC_2.17");
#endif

// The kernel's limits and shifts (include/linux/timex.h), so that ntpd's loop behaves as on a real host.
#define MAX_FREQ (500 * 65536L)
#define MIN_TICK_US 9000
#define MAX_TICK_US 11000
#define MAX_PLL_OFFSET_NS 500e6
#define MAX_TIME_CONSTANT 10
#define MAX_TAI 100000

static struct vclock *host_clock;  // NULL: no clock page, every function does what it would do without us
static bool may_set;               // this process would hold CAP_SYS_TIME on a real host
static int (*next_clock_gettime)(clockid_t, struct timespec *);

static int machine_gettime(clockid_t id, struct timespec *t) {
  if (next_clock_gettime != NULL) return next_clock_gettime(id, t);
  return (int)syscall(SYS_clock_gettime, id, t);  // another library's constructor ran before ours
}

static int64_t machine_ns(clockid_t id) {
  struct timespec t;
  machine_gettime(id, &t);
  return timespec_to_ns(&t);
}

static int64_t mono_ns(void) { return machine_ns(CLOCK_MONOTONIC); }

static int64_t host_now_ns(void) {
  struct vclock v = vclock_snapshot(host_clock, mono_ns);
  return vclock_at(&v, mono_ns());
}

static int64_t host_raw_ns(void) {
  struct vclock v = vclock_snapshot(host_clock, mono_ns);
  return vclock_raw_at(&v, mono_ns());
}

// Hosts have no CAP_SYS_TIME, so the decision who may set the clock is made here, once: root, which daemons still are
// when they start, and units that say so because systemd starts them as another user with an ambient capability.
__attribute__((constructor)) static void attach(void) {
  int saved_errno = errno;
  next_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  may_set = geteuid() == 0 || secure_getenv("FLEETSYNC_LAB_MAY_SET_CLOCK") != NULL;
  int fd = open(VCLOCK_FILE, O_RDWR | O_CLOEXEC);
  int protection = PROT_READ | PROT_WRITE;
  if (fd < 0) {
    may_set = false;
    protection = PROT_READ;
    fd = open(VCLOCK_FILE, O_RDONLY | O_CLOEXEC);
  }
  if (fd >= 0) {
    struct vclock *page = mmap(NULL, VCLOCK_SIZE, protection, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED && page->magic == VCLOCK_MAGIC) host_clock = page;
  }
  errno = saved_errno;
}

static int fail(int error) {
  errno = error;
  return -1;
}

// ---- reading

static bool is_realtime(clockid_t id) {
  return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE || id == CLOCK_REALTIME_ALARM || id == CLOCK_TAI;
}

// CLOCK_MONOTONIC stays the machine's, which waits are measured with.
int clock_gettime(clockid_t id, struct timespec *t) {
  if (host_clock != NULL && id == CLOCK_MONOTONIC_RAW) {
    *t = timespec_from_ns(host_raw_ns());
    return 0;
  }
  if (host_clock == NULL || !is_realtime(id)) return machine_gettime(id, t);
  *t = timespec_from_ns(host_now_ns() + (id == CLOCK_TAI ? host_clock->tai * NS_PER_S : 0));
  return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  *tv = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
  if (zone != NULL) memset(zone, 0, sizeof(struct timezone));
  return 0;
}

time_t time(time_t *result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result != NULL) *result = now.tv_sec;
  return now.tv_sec;
}

int timespec_get(struct timespec *t, int base) {
  if (base != TIME_UTC) return 0;
  clock_gettime(CLOCK_REALTIME, t);
  return base;
}

// An absolute wait for the host's time becomes a relative one; a step of the clock meanwhile is not noticed.
int clock_nanosleep(clockid_t id, int flags, const struct timespec *request, struct timespec *remaining) {
  struct timespec relative;
  if (host_clock != NULL && is_realtime(id) && (flags & TIMER_ABSTIME)) {
    int64_t wait_ns = timespec_to_ns(request) - host_now_ns();
    relative = timespec_from_ns(wait_ns > 0 ? wait_ns : 0);
    request = &relative;
    flags = 0;
    id = CLOCK_MONOTONIC;
  }
  return syscall(SYS_clock_nanosleep, id, flags, request, remaining) == 0 ? 0 : errno;
}

// ---- setting

int clock_settime(clockid_t id, const struct timespec *t) {
  if (id != CLOCK_REALTIME) return fail(EINVAL);
  if (t->tv_nsec < 0 || t->tv_nsec >= NS_PER_S || t->tv_sec < 0) return fail(EINVAL);
  if (host_clock == NULL || !may_set) return fail(EPERM);
  vclock_lock(host_clock, mono_ns);
  vclock_step(host_clock, timespec_to_ns(t) - host_clock->base_real_ns);
  host_clock->settings++;
  vclock_unlock(host_clock);
  return 0;
}

int settimeofday(const struct timeval *tv, const struct timezone *zone) {
  (void)zone;  // the kernel's time zone does not matter to anything in a lab
  if (tv == NULL) return 0;
  struct timespec t = {.tv_sec = tv->tv_sec, .tv_nsec = tv->tv_usec * 1000};
  return clock_settime(CLOCK_REALTIME, &t);
}

int stime(const time_t *t) {
  struct timespec ts = {.tv_sec = *t};
  return clock_settime(CLOCK_REALTIME, &ts);
}

// ---- adjusting

static struct timeval timeval_from_ns(double ns) {
  struct timespec t = timespec_from_ns(llrint(ns));
  return (struct timeval){t.tv_sec, t.tv_nsec / 1000};
}

int adjtime(const struct timeval *delta, struct timeval *old_delta) {
  if (host_clock == NULL || (delta != NULL && !may_set)) return fail(EPERM);
  struct vclock now = vclock_snapshot(host_clock, mono_ns);
  vclock_rebase(&now, mono_ns());
  if (old_delta != NULL) *old_delta = timeval_from_ns(now.slew_left_ns);
  if (delta == NULL) return 0;
  vclock_lock(host_clock, mono_ns);
  host_clock->slew_left_ns = (double)delta->tv_sec * 1e9 + (double)delta->tv_usec * 1e3;
  host_clock->adjustments++;
  vclock_unlock(host_clock);
  return 0;
}

static double clamp(double value, double limit) { return fmax(-limit, fmin(limit, value)); }

// ADJ_OFFSET as in the kernel's ntp_update_offset(): the offset is slewed away from the next second on, a part of it
// each second, and the frequency takes a share that grows with the time since the last update.
static void update_pll(struct vclock *v, double offset_ns) {
  offset_ns = clamp(offset_ns, MAX_PLL_OFFSET_NS);
  double time_constant_s = ldexp(1, SHIFT_PLL + (int)v->constant);
  double since_s = (double)(v->base_mono_ns - v->pll_updated_ns) * 1e-9;
  if (v->pll_updated_ns == 0 || (v->status & STA_FREQHOLD)) since_s = 0;
  since_s = fmin(since_s, 2 * time_constant_s);
  double ppm = offset_ns * 1e-3 * since_s / ldexp(1, 2 * (SHIFT_PLL + 2 + (int)v->constant));
  v->freq = lrint(clamp((double)v->freq + ppm * FREQ_UNITS_PER_PPM, MAX_FREQ));
  v->pll_offset_ns = offset_ns;
  v->pll_updated_ns = v->base_mono_ns;
}

static void update_status(struct vclock *v, const struct timex *tx) {
  if ((tx->status & STA_PLL) == 0) v->pll_updated_ns = 0;
  v->status = (v->status & STA_RONLY) | (tx->status & ~STA_RONLY);
}

// The order is the kernel's: status and units first, because the meaning of the other fields depends on them.
static void apply_timex(struct vclock *v, const struct timex *tx) {
  unsigned modes = tx->modes;
  if (modes & ADJ_SETOFFSET) {
    vclock_step(v, tx->time.tv_sec * NS_PER_S + tx->time.tv_usec * (modes & ADJ_NANO ? 1 : 1000));
  }
  if (modes & ADJ_STATUS) update_status(v, tx);
  if (modes & ADJ_NANO) v->status |= STA_NANO;
  if (modes & ADJ_MICRO) v->status &= ~STA_NANO;
  if (modes & ADJ_FREQUENCY) v->freq = lrint(clamp((double)tx->freq, MAX_FREQ));
  if (modes & ADJ_MAXERROR) v->maxerror = tx->maxerror;
  if (modes & ADJ_ESTERROR) v->esterror = tx->esterror;
  if (modes & ADJ_TIMECONST) {
    long constant = tx->constant + (v->status & STA_NANO ? 0 : 4);
    v->constant = constant < 0 ? 0 : constant > MAX_TIME_CONSTANT ? MAX_TIME_CONSTANT : constant;
  }
  if ((modes & ADJ_TAI) && tx->constant >= 0 && tx->constant <= MAX_TAI) v->tai = tx->constant;
  if ((modes & ADJ_OFFSET) && (v->status & STA_PLL)) {
    update_pll(v, (double)tx->offset * (v->status & STA_NANO ? 1 : 1e3));
  }
  if (modes & ADJ_TICK) v->tick = tx->tick;
}

static int report_timex(const struct vclock *v, struct timex *tx) {
  bool nano = v->status & STA_NANO;
  struct timespec now = timespec_from_ns(v->base_real_ns);
  tx->offset = lrint(v->pll_offset_ns / (nano ? 1 : 1e3));
  tx->freq = v->freq;
  tx->tick = v->tick;
  tx->maxerror = v->maxerror;
  tx->esterror = v->esterror;
  tx->status = v->status;
  tx->constant = v->constant;
  tx->precision = 1;
  tx->tolerance = MAX_FREQ;
  tx->tai = (int)v->tai;
  tx->time = (struct timeval){now.tv_sec, nano ? now.tv_nsec : now.tv_nsec / 1000};
  if (v->status & STA_UNSYNC) return TIME_ERROR;
  return v->status & STA_INS ? TIME_INS : v->status & STA_DEL ? TIME_DEL : TIME_OK;
}

// What the kernel refuses before it changes anything (timekeeping_validate_timex()).
static bool is_valid(const struct timex *tx) {
  if ((tx->modes & ADJ_TICK) && (tx->tick < MIN_TICK_US || tx->tick > MAX_TICK_US)) return false;
  if ((tx->modes & ADJ_SETOFFSET) == 0) return true;
  return tx->time.tv_usec >= 0 && tx->time.tv_usec < (tx->modes & ADJ_NANO ? NS_PER_S : NS_PER_S / 1000);
}

// adjtime() by way of adjtimex(): ADJ_OFFSET_SINGLESHOT replaces the slew, ADJ_OFFSET_SS_READ only asks. Both report
// in tx->offset what was left.
static int singleshot(struct timex *tx) {
  struct timeval left;
  struct timespec delta = timespec_from_ns(tx->offset * 1000);
  struct timeval delta_tv = {delta.tv_sec, delta.tv_nsec / 1000};
  if (adjtime(tx->modes == ADJ_OFFSET_SINGLESHOT ? &delta_tv : NULL, &left) != 0) return -1;
  struct vclock v = vclock_snapshot(host_clock, mono_ns);
  vclock_rebase(&v, mono_ns());
  int state = report_timex(&v, tx);
  tx->offset = left.tv_sec * 1000000 + left.tv_usec;
  return state;
}

int clock_adjtime(clockid_t id, struct timex *tx) {
  if (id != CLOCK_REALTIME) return fail(EOPNOTSUPP);
  if (host_clock == NULL) return tx->modes == 0 ? (int)syscall(SYS_clock_adjtime, id, tx) : fail(EPERM);
  if ((tx->modes & ADJ_OFFSET_SINGLESHOT) == ADJ_OFFSET_SINGLESHOT) return singleshot(tx);
  if (tx->modes == 0) {
    struct vclock v = vclock_snapshot(host_clock, mono_ns);
    vclock_rebase(&v, mono_ns());
    return report_timex(&v, tx);
  }
  if (!may_set) return fail(EPERM);
  if (!is_valid(tx)) return fail(EINVAL);
  vclock_lock(host_clock, mono_ns);
  apply_timex(host_clock, tx);
  host_clock->adjustments++;
  int state = report_timex(host_clock, tx);
  vclock_unlock(host_clock);
  return state;
}

int adjtimex(struct timex *tx) { return clock_adjtime(CLOCK_REALTIME, tx); }
int ntp_adjtime(struct timex *tx) { return clock_adjtime(CLOCK_REALTIME, tx); }
int __adjtimex(struct timex *tx) { return clock_adjtime(CLOCK_REALTIME, tx); }

// Also what programs call that were written for ntp_gettime(): glibc's header redirects them here.
int ntp_gettimex(struct ntptimeval *ntv) {
  struct timex tx = {0};
  int state = clock_adjtime(CLOCK_REALTIME, &tx);
  *ntv = (struct ntptimeval){.time = tx.time, .maxerror = tx.maxerror, .esterror = tx.esterror, .tai = tx.tai};
  return state;
}

// ---- kernel time stamps of packets: taken on the machine's clock, moved onto the host's

static void move_timespec(struct timespec *t, int64_t by_ns) {
  if (t->tv_sec == 0 && t->tv_nsec == 0) return;  // SCM_TIMESTAMPING marks the stamps it does not have so
  *t = timespec_from_ns(timespec_to_ns(t) + by_ns);
}

static void move_timeval(struct timeval *tv, int64_t by_ns) {
  struct timespec t = {.tv_sec = tv->tv_sec, .tv_nsec = tv->tv_usec * 1000};
  move_timespec(&t, by_ns);
  *tv = (struct timeval){t.tv_sec, t.tv_nsec / 1000};
}

static void move_timestamps(struct msghdr *message) {
  if (host_clock == NULL || message->msg_control == NULL) return;
  int64_t by_ns = host_now_ns() - machine_ns(CLOCK_REALTIME);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    switch (c->cmsg_type) {
      case SO_TIMESTAMP_OLD:
      case SO_TIMESTAMP_NEW:
        move_timeval((struct timeval *)CMSG_DATA(c), by_ns);
        break;
      case SO_TIMESTAMPNS_OLD:
      case SO_TIMESTAMPNS_NEW:
      case SO_TIMESTAMPING_OLD:  // the first of its three stamps is the software one
      case SO_TIMESTAMPING_NEW:
        move_timespec((struct timespec *)CMSG_DATA(c), by_ns);
        break;
      default:
        break;
    }
  }
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  ssize_t got = syscall(SYS_recvmsg, fd, message, flags);
  if (got >= 0) move_timestamps(message);
  return got;
}

int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout) {
  int got = (int)syscall(SYS_recvmmsg, fd, messages, count, flags, timeout);
  for (int i = 0; i < got; i++) move_timestamps(&messages[i].msg_hdr);
  return got;
}

// ---- capabilities

// Time daemons give up root but ask to keep CAP_SYS_TIME. Lab hosts never have it, and asking for it would make the
// whole request fail: the bit is taken out. libcap's types, without needing its headers:
typedef struct _cap_struct *cap_t;
enum { CAP_FLAGS = 3, CAP_CLEAR_VALUE = 0, CAP_SYS_TIME_BIT = 25 };

int cap_set_proc(cap_t caps) {
  int (*next)(cap_t) = (int (*)(cap_t))dlsym(RTLD_NEXT, "cap_set_proc");
  int (*set_flag)(cap_t, int, int, const int *, int) =
      (int (*)(cap_t, int, int, const int *, int))dlsym(RTLD_NEXT, "cap_set_flag");
  if (next == NULL || set_flag == NULL) return fail(ENOSYS);
  const int bit = CAP_SYS_TIME_BIT;
  for (int flag = 0; host_clock != NULL && flag < CAP_FLAGS; flag++) set_flag(caps, flag, 1, &bit, CAP_CLEAR_VALUE);
  return next(caps);
}
