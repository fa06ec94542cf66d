#include "controller/serve/service_signals.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace fleetsync::serve {

ServiceSignals::ServiceSignals() {
  sigset_t ours, hangup;
  sigemptyset(&hangup);
  sigaddset(&hangup, SIGHUP);
  ours = hangup;
  sigaddset(&ours, SIGINT);
  sigaddset(&ours, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ours, &before_);
  hangups_ = signalfd(-1, &hangup, SFD_CLOEXEC | SFD_NONBLOCK);
}

ServiceSignals::~ServiceSignals() {
  close(hangups_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

ServiceSignals::Woken ServiceSignals::Wait(int fd, const std::atomic<bool>& stop,
                                           Duration patience) const {
  pollfd readable[] = {{.fd = fd, .events = POLLIN, .revents = 0},
                       {.fd = hangups_, .events = POLLIN, .revents = 0}};
  const auto ns = std::max<int64_t>(patience.count(), 0);
  const timespec wait{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
  sigset_t stops = before_;
  sigaddset(&stops, SIGHUP);  // read from its descriptor, never delivered
  if (stop) return Woken::kStop;
  ppoll(readable, 2, &wait, &stops);
  if (stop) return Woken::kStop;
  if (readable[0].revents != 0) return Woken::kFailed;
  signalfd_siginfo hangup;
  if (readable[1].revents != 0 && read(hangups_, &hangup, sizeof hangup) > 0) return Woken::kReload;
  return Woken::kTime;
}

}  // namespace fleetsync::serve
