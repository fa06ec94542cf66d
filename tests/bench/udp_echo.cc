// The least that can answer an NTP client from batches: recvmmsg, kernel receive stamps, sendmmsg,
// one thread. The answer has the stamps and the origin of one, and nothing else of a server: the
// floor that scripts/bench compares the relay with.
//
//   udp_echo ADDRESS PORT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

constexpr unsigned kBatch = 16;  // as the relay's
constexpr int kReceiveBuffer = 4 << 20;
constexpr size_t kHeader = 48;

struct Batch {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts{};
  std::array<sockaddr_in, kBatch> names{};
  std::array<std::array<unsigned char, 1088>, kBatch> bytes{};
  alignas(cmsghdr) std::array<std::array<char, 64>, kBatch> control{};

  Batch() {
    for (unsigned i = 0; i < kBatch; ++i) {
      messages[i].msg_hdr.msg_name = &names[i];
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
  void Prepare() {
    for (unsigned i = 0; i < kBatch; ++i) {
      parts[i] = {bytes[i].data(), 1024};
      messages[i].msg_hdr.msg_namelen = sizeof(sockaddr_in);
      messages[i].msg_hdr.msg_control = control[i].data();
      messages[i].msg_hdr.msg_controllen = control[i].size();
    }
  }
};

void PutTimestamp(unsigned char* at, const timespec& t) {
  const uint32_t seconds = htonl(static_cast<uint32_t>(t.tv_sec + 2'208'988'800));
  const uint32_t fraction =
      htonl(static_cast<uint32_t>((static_cast<uint64_t>(t.tv_nsec) << 32) / 1'000'000'000));
  std::memcpy(at, &seconds, 4);
  std::memcpy(at + 4, &fraction, 4);
}

void Answer(msghdr& message, unsigned char* bytes, iovec& part) {
  timespec received{};
  const cmsghdr* const c = CMSG_FIRSTHDR(&message);
  if (c != nullptr && c->cmsg_type == SCM_TIMESTAMPNS) {
    std::memcpy(&received, CMSG_DATA(c), sizeof received);
  }
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  bytes[0] = 4 << 3 | 4;
  bytes[1] = 1;
  std::memcpy(bytes + 24, bytes + 40, 8);
  PutTimestamp(bytes + 32, received);
  PutTimestamp(bytes + 40, now);
  part.iov_len = kHeader;
  message.msg_control = nullptr;
  message.msg_controllen = 0;
}

}  // namespace

int main(int argc, char** argv) {
  sockaddr_in own{};
  own.sin_family = AF_INET;
  if (argc != 3 || inet_pton(AF_INET, argv[1], &own.sin_addr) != 1) {
    std::fprintf(stderr, "usage: %s ADDRESS PORT\n", argv[0]);
    return 2;
  }
  own.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[2])));
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer);
  setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
  if (bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) {
    std::perror("bind");
    return 1;
  }
  static Batch batch;
  for (;;) {
    batch.Prepare();
    const int count = recvmmsg(fd, batch.messages.data(), kBatch, MSG_WAITFORONE, nullptr);
    if (count <= 0) continue;
    for (int i = 0; i < count; ++i) {
      const auto at = static_cast<size_t>(i);
      Answer(batch.messages[at].msg_hdr, batch.bytes[at].data(), batch.parts[at]);
    }
    sendmmsg(fd, batch.messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
  }
}
