// vclockctl: the lab's side of a host's clock.
//
//   vclockctl init FILE OFFSET_S PPM     makes a clock, OFFSET_S off the machine's, its crystal PPM wrong
//   vclockctl set FILE OFFSET_S          puts the clock OFFSET_S off the truth
//   vclockctl ppm FILE PPM               changes the crystal's error
//   vclockctl read FILE...               prints one JSON object a line: the truth about each clock
//
// `init` takes more than one triple.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vclock.h"

static int64_t now_ns(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return timespec_to_ns(&t);
}

static int64_t mono_ns(void) { return now_ns(CLOCK_MONOTONIC); }

static void die(const char *what) {
  fprintf(stderr, "vclockctl: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double number(const char *text) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !isfinite(value)) {
    fprintf(stderr, "vclockctl: not a number: %s\n", text);
    exit(2);
  }
  return value;
}

static struct vclock *map(const char *path, int flags) {
  int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0666);
  if (fd < 0) die(path);
  // Every user of the host maps the page; who may change the clock is vclock.so's decision.
  if (flags != 0 && (fchmod(fd, 0666) != 0 || ftruncate(fd, VCLOCK_SIZE) != 0)) die(path);
  struct stat info;
  if (fstat(fd, &info) != 0) die(path);
  if (info.st_size < VCLOCK_SIZE) {
    fprintf(stderr, "vclockctl: %s: not a clock\n", path);
    exit(1);
  }
  struct vclock *v = mmap(NULL, VCLOCK_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (v == MAP_FAILED) die(path);
  close(fd);
  return v;
}

static void init(const char *path, double offset_s, double ppm) {
  struct vclock *v = map(path, O_CREAT | O_TRUNC);
  *v = (struct vclock){
      .status = STA_UNSYNC | STA_NANO,
      .tick = NOMINAL_TICK_US,
      .crystal_ppm = ppm,
      .base_mono_ns = mono_ns(),
      .base_raw_ns = mono_ns(),
      .base_real_ns = now_ns(CLOCK_REALTIME) + llrint(offset_s * 1e9),
      .maxerror = 16000000,
      .esterror = 16000000,
  };
  __atomic_store_n(&v->magic, VCLOCK_MAGIC, __ATOMIC_RELEASE);
  munmap(v, VCLOCK_SIZE);
}

// The lab's own changes are no doing of the host: they do not count as steps.
static void set_offset(const char *path, double offset_s) {
  struct vclock *v = map(path, 0);
  vclock_lock(v, mono_ns);
  v->base_real_ns = now_ns(CLOCK_REALTIME) + llrint(offset_s * 1e9);
  vclock_unlock(v);
}

static void set_ppm(const char *path, double ppm) {
  struct vclock *v = map(path, 0);
  vclock_lock(v, mono_ns);
  v->crystal_ppm = ppm;
  vclock_unlock(v);
}

static void print_clock(const char *path) {
  struct vclock *page = map(path, 0);
  struct vclock v = vclock_snapshot(page, mono_ns);
  vclock_rebase(&v, mono_ns());
  int64_t offset_ns = vclock_at(&v, mono_ns()) - now_ns(CLOCK_REALTIME);
  printf("{\"offset_s\": %.9f, \"ppm\": %.6f, \"rate_ppm\": %.6f, \"freq_ppm\": %.6f, \"tick_us\": %lld, "
         "\"synchronized\": %s, \"settings\": %llu, \"adjustments\": %llu, \"steps\": %llu, \"last_step_s\": %.9f}\n",
         (double)offset_ns * 1e-9, v.crystal_ppm, vclock_rate(&v) * 1e6, (double)v.freq / FREQ_UNITS_PER_PPM,
         (long long)v.tick, v.status & STA_UNSYNC ? "false" : "true", (unsigned long long)v.settings,
         (unsigned long long)v.adjustments, (unsigned long long)v.steps, (double)v.last_step_ns * 1e-9);
  munmap(page, VCLOCK_SIZE);
}

int main(int argc, char **argv) {
  const char *verb = argc > 2 ? argv[1] : "";
  if (strcmp(verb, "init") == 0 && argc % 3 == 2) {
    for (int i = 2; i < argc; i += 3) init(argv[i], number(argv[i + 1]), number(argv[i + 2]));
  } else if (strcmp(verb, "set") == 0 && argc == 4) {
    set_offset(argv[2], number(argv[3]));
  } else if (strcmp(verb, "ppm") == 0 && argc == 4) {
    set_ppm(argv[2], number(argv[3]));
  } else if (strcmp(verb, "read") == 0) {
    for (int i = 2; i < argc; i++) print_clock(argv[i]);
  } else {
    fprintf(stderr, "usage: vclockctl init FILE OFFSET_S PPM... | set FILE OFFSET_S | ppm FILE PPM | read FILE...\n");
    return 2;
  }
  return 0;
}
