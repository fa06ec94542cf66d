#include "agent/serve/ask_server.h"

#include <poll.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <span>

#include "agent/net/udp_socket.h"
#include "base/clock_read.h"
#include "proto/ntp/exchange.h"

namespace fleetsync::serve {
namespace {

std::optional<ServerAnswer> Answer(const ntp::Request& request, std::span<const std::byte> bytes,
                                   SystemTime received) {
  const auto decoded = ntp::Decode(bytes);
  if (!decoded.ok()) return std::nullopt;
  const auto result = ntp::Evaluate(request, decoded.packet, received);
  const bool lost = result.verdict == ntp::Verdict::kUnsynchronised;
  if (result.verdict != ntp::Verdict::kGood && !lost) return std::nullopt;
  return ServerAnswer{decoded.packet, result.measurement.offset, result.measurement.delay};
}

}  // namespace

std::optional<ServerAnswer> AskServer(const ntp::Address& address, Duration patience) {
  ntp::Request request;
  if (getrandom(&request.cookie.bits, sizeof request.cookie.bits, 0) < 0) return std::nullopt;
  auto socket = net::UdpSocket::Connect(address, net::Timestamping::kUser);
  if (!socket.ok()) return std::nullopt;
  std::array<std::byte, ntp::kHeaderSize> wire;
  ntp::Encode(ntp::ClientRequest(request.cookie, 3), wire);
  const MonoTime end = ReadClocks().mono + patience;
  request.sent = ReadSystemClock();
  if (!socket->Send(wire).ok()) return std::nullopt;
  for (MonoTime now = ReadClocks().mono; now < end; now = ReadClocks().mono) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(end - now);
    pollfd readable{socket->fd(), POLLIN, 0};
    if (poll(&readable, 1, static_cast<int>(wait.count())) <= 0) continue;
    std::array<std::byte, 1024> buffer;
    const auto datagram = socket->Receive(buffer);
    const SystemTime received = ReadSystemClock();
    if (!datagram.ok()) return std::nullopt;
    if (!*datagram) continue;
    if (auto answer = Answer(request, std::span(buffer).first((*datagram)->size), received))
      return answer;
  }
  return std::nullopt;
}

}  // namespace fleetsync::serve
