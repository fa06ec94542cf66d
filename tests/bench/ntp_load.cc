// Asks an NTP server as fast as it answers, or at a rate, from one thread; prints one line of JSON.
//
//   ntp_load ADDRESS PORT SECONDS closed WINDOW    WINDOW requests are under way at any time
//   ntp_load ADDRESS PORT SECONDS open RATE        RATE requests a second, whatever comes back
//
// An answer counts when it is a server's, of stratum 1 to 15, to a request of this run.
#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

namespace {

constexpr unsigned kBatch = 32;
constexpr size_t kHeader = 48;
constexpr int kReceiveBuffer = 64 << 20;  // what is lost must be lost by the server
constexpr double kGiveUp = 0.05;          // seconds without an answer: what is under way is lost
constexpr double kMostBehind = 0.001;     // seconds
constexpr double kLinger = 0.3;           // seconds for the last answers

double Now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

class Load {
 public:
  explicit Load(int fd) : fd_(fd) {
    for (unsigned i = 0; i < kBatch; ++i) {
      out_[i].msg_hdr.msg_iov = &out_parts_[i];
      out_[i].msg_hdr.msg_iovlen = 1;
      out_parts_[i] = {requests_[i].data(), kHeader};
      requests_[i][0] = 4 << 3 | 3;
      in_[i].msg_hdr.msg_iov = &in_parts_[i];
      in_[i].msg_hdr.msg_iovlen = 1;
      in_parts_[i] = {answers_[i].data(), answers_[i].size()};
    }
  }

  void Send(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      const uint64_t cookie = ++sequence_;
      std::memcpy(requests_[i].data() + 40, &cookie, sizeof cookie);
    }
    const int n = sendmmsg(fd_, out_.data(), count, 0);
    sent_ += static_cast<uint64_t>(std::max(n, 0));
  }

  // How many datagrams came.
  unsigned Receive(int flags) {
    const int n = recvmmsg(fd_, in_.data(), kBatch, flags, nullptr);
    for (int i = 0; i < n; ++i)
      Judge(in_[static_cast<size_t>(i)].msg_len, answers_[static_cast<size_t>(i)]);
    return static_cast<unsigned>(std::max(n, 0));
  }

  uint64_t sent() const { return sent_; }
  uint64_t answered() const { return answered_; }
  uint64_t wrong() const { return wrong_; }

 private:
  void Judge(size_t size, const std::array<unsigned char, 256>& answer) {
    uint64_t origin = 0;
    std::memcpy(&origin, answer.data() + 24, sizeof origin);
    const bool good = size >= kHeader && (answer[0] & 7) == 4 && answer[1] >= 1 &&
                      answer[1] <= 15 && origin >= 1 && origin <= sequence_;
    ++(good ? answered_ : wrong_);
  }

  int fd_;
  uint64_t sequence_ = 0;
  uint64_t sent_ = 0;
  uint64_t answered_ = 0;
  uint64_t wrong_ = 0;
  std::array<mmsghdr, kBatch> out_{};
  std::array<mmsghdr, kBatch> in_{};
  std::array<iovec, kBatch> out_parts_{};
  std::array<iovec, kBatch> in_parts_{};
  std::array<std::array<unsigned char, kHeader>, kBatch> requests_{};
  std::array<std::array<unsigned char, 256>, kBatch> answers_{};
};

bool Wait(int fd, double seconds) {
  pollfd readable{fd, POLLIN, 0};
  return poll(&readable, 1, static_cast<int>(seconds * 1000)) == 1;
}

void RunClosed(Load& load, int fd, double seconds, unsigned window) {
  const double end = Now() + seconds;
  while (Now() < end) {
    for (unsigned left = window; left > 0;) {
      const unsigned count = std::min(left, kBatch);
      load.Send(count);
      left -= count;
    }
    while (Now() < end && Wait(fd, kGiveUp)) {
      while (const unsigned count = load.Receive(MSG_DONTWAIT)) load.Send(count);
      if (Now() >= end) break;
    }
  }
}

// What is due is sent, a batch at a time; answers are taken in between. After a pause of this
// thread, in which nobody sent, only kMostBehind seconds of it are made up for.
void RunOpen(Load& load, double seconds, double rate) {
  const double start = Now();
  double due = 0;  // requests that should have left by now
  double left = 0;
  double last = start;
  for (double now = start; now < start + seconds; now = Now()) {
    due += std::min(now - last, kMostBehind) * rate;
    last = now;
    const auto count = static_cast<unsigned>(std::min<double>(due - left, kBatch));
    if (count > 0) load.Send(count);
    left += count;
    load.Receive(MSG_DONTWAIT);
  }
}

uint64_t Overflowed(int fd) {
  std::array<uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info.data(), &size);
  return info[SK_MEMINFO_DROPS];
}

}  // namespace

int main(int argc, char** argv) {
  sockaddr_in server{};
  server.sin_family = AF_INET;
  const bool closed = argc == 6 && std::string_view(argv[4]) == "closed";
  const bool open = argc == 6 && std::string_view(argv[4]) == "open";
  if ((!closed && !open) || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) {
    std::fprintf(stderr, "usage: %s ADDRESS PORT SECONDS closed WINDOW | open RATE\n", argv[0]);
    return 2;
  }
  server.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[2])));
  const double seconds = std::atof(argv[3]);
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer);
  if (connect(fd, reinterpret_cast<sockaddr*>(&server), sizeof server) != 0) {
    std::perror("connect");
    return 1;
  }
  static Load load(fd);
  const double start = Now();
  if (closed) RunClosed(load, fd, seconds, static_cast<unsigned>(std::atoi(argv[5])));
  if (open) RunOpen(load, seconds, std::atof(argv[5]));
  const double took = Now() - start;
  const uint64_t within = load.answered();
  for (const double end = Now() + kLinger; Now() < end && Wait(fd, kLinger);) {
    while (load.Receive(MSG_DONTWAIT) > 0) {
    }
  }
  std::printf(
      "{\"seconds\": %.6f, \"sent\": %llu, \"answered\": %llu, \"answered_in_time\": %llu, "
      "\"wrong\": %llu, \"overflowed\": %llu}\n",
      took, static_cast<unsigned long long>(load.sent()),
      static_cast<unsigned long long>(load.answered()), static_cast<unsigned long long>(within),
      static_cast<unsigned long long>(load.wrong()),
      static_cast<unsigned long long>(Overflowed(fd)));
  return 0;
}
