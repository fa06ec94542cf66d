#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "agent/engine/address.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::net {

struct ServerSocketOptions {
  size_t receive_buffer = size_t{4} << 20;  // bytes; the system may grant less
  Duration wait{};                          // the longest that Receive blocks; zero: for ever
};

// A UDP socket that answers: takes a batch of datagrams with one call and sends the answers with
// another, each from the address that was asked. Allocates nothing after Listen. One thread.
class UdpServerSocket {
 public:
  static constexpr size_t kBatch = 16;  // answers leave together: more would leave late
  static constexpr size_t kLargestRequest = 1024;
  static constexpr size_t kLargestReply = 128;

  struct Incoming {
    std::span<const std::byte> bytes;
    ntp::Address from;
    std::optional<SystemTime> stamp;  // the kernel's, when it took it from the network
  };

  // `count` sockets that share one port (SO_REUSEPORT), a worker's each: a datagram goes to one by
  // the hash of its sender's address without the port, so that one worker sees all of a client.
  // An IPv6 address takes IPv6 alone. `address.port` 0: one of the kernel's choice. The Status
  // says who has the port, or what permission is missing.
  static StatusOr<std::vector<UdpServerSocket>> Listen(const ntp::Address& address, size_t count,
                                                       const ServerSocketOptions& options);

  UdpServerSocket(UdpServerSocket&& other) noexcept;
  UdpServerSocket& operator=(UdpServerSocket&& other) noexcept;
  ~UdpServerSocket();

  uint16_t port() const;
  // What the kernel granted.
  size_t receive_buffer() const;
  // Datagrams that found the buffer full. Any thread.
  uint64_t dropped() const;

  // Waits for datagrams; how many there are now. 0: none came, or a signal did.
  size_t Receive();
  // Ends Receive, now and whenever it is called again; what it returns then means nothing. Any
  // thread.
  void Interrupt();
  // None: it was longer than the longest request, or its sender's address cannot be answered.
  std::optional<Incoming> At(size_t i) const;
  // Where to write the answer to datagram `i`.
  std::span<std::byte, kLargestReply> ReplyBuffer(size_t i);
  void Reply(size_t i, size_t size);
  // Sends the answers; how many the network took.
  size_t Flush();

 private:
  struct Buffers;
  explicit UdpServerSocket(int fd);

  static StatusOr<UdpServerSocket> Open(const ntp::Address& address, bool shared,
                                        const ServerSocketOptions& options);
  Status SpreadByClient(size_t count) const;

  int fd_;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace fleetsync::net
