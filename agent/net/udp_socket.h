#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "agent/engine/address.h"
#include "base/descriptor.h"
#include "base/status.h"
#include "base/time.h"

namespace fleetsync::net {

// Who reads the clock when a datagram comes or goes.
enum class Timestamping {
  kKernel,  // where it can: both ways, else on arrival
  kUser,    // the caller
};

struct Datagram {
  size_t size = 0;
  // When the kernel took it from the network, by CLOCK_REALTIME; none where it does not tell.
  std::optional<SystemTime> stamp;
};

// A UDP socket that talks to one address, from a port of the kernel's choice. Keeps to the calls
// that interposing network simulators know: type SOCK_DGRAM alone, one iovec, one datagram a call.
class UdpSocket {
 public:
  // Unavailable and the like when there is no route.
  static StatusOr<UdpSocket> Connect(const ntp::Address& address,
                                     Timestamping timestamping = Timestamping::kKernel);

  int fd() const { return fd_.get(); }
  Status Send(std::span<const std::byte> bytes);
  // When poll() says POLLERR: when the kernel handed what was sent last to the network, by
  // CLOCK_REALTIME. None: it was no such stamp that made it say so; Receive has the error.
  std::optional<SystemTime> ReceiveSentStamp();
  // None: nothing is there (any more). A datagram longer than `buffer` is dropped, as none. An
  // error is what the network said about an earlier request: connection refused, no route.
  StatusOr<std::optional<Datagram>> Receive(std::span<std::byte> buffer);

 private:
  explicit UdpSocket(int fd) : fd_(fd) {}

  Descriptor fd_;
};

}  // namespace fleetsync::net
