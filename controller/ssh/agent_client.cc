#include "controller/ssh/agent_client.h"

#include <openssl/evp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/clock_read.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

constexpr char kFailure = 5, kRequestIdentities = 11, kIdentitiesAnswer = 12, kSignRequest = 13;
constexpr size_t kLongestFrame = size_t{256} << 10;  // as OpenSSH

std::string Number(size_t n) {
  std::string bytes(4, '\0');
  for (size_t i = 0; i < 4; ++i) bytes[i] = static_cast<char>(n >> (24 - 8 * i));
  return bytes;
}

std::string Frame(std::string_view payload) {
  return Number(payload.size()) + std::string(payload);
}

std::optional<uint32_t> TakeNumber(std::string_view& bytes) {
  if (bytes.size() < 4) return std::nullopt;
  uint32_t n = 0;
  for (size_t i = 0; i < 4; ++i) n = (n << 8) | static_cast<unsigned char>(bytes[i]);
  bytes.remove_prefix(4);
  return n;
}

std::optional<std::string_view> TakeString(std::string_view& bytes) {
  const std::optional<uint32_t> size = TakeNumber(bytes);
  if (!size || *size > bytes.size()) return std::nullopt;
  const std::string_view taken = bytes.substr(0, *size);
  bytes.remove_prefix(*size);
  return taken;
}

std::string ToBase64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  return text;
}

std::string FromBase64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()),
                                   static_cast<int>(text.size()));
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  bytes.resize(size < 0 ? 0 : static_cast<size_t>(size) - padding);
  return bytes;
}

StatusOr<int> ConnectTo(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError("the ssh-agent's socket has too long a path");
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return ErrnoStatus(errno, "connecting to the ssh-agent");
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  const Status status = ErrnoStatus(errno, "connecting to the ssh-agent");
  close(fd);
  return status;
}

// A whole frame at the front of `buffer`, without its length; it is removed by the caller.
std::optional<std::string_view> WholeFrame(std::string_view buffer) {
  const std::optional<uint32_t> size = TakeNumber(buffer);
  if (!size || buffer.size() < *size) return std::nullopt;
  return buffer.substr(0, *size);
}

// False when the other side is gone or talks nonsense.
bool ReadInto(int fd, std::string& buffer) {
  std::array<char, 4096> block;
  const ssize_t n = recv(fd, block.data(), block.size(), MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  buffer.append(block.data(), static_cast<size_t>(n));
  return n > 0 && buffer.size() <= kLongestFrame;
}

// Requests and answers are far smaller than a socket's buffer.
bool SendWhole(int fd, std::string_view bytes) {
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size());
}

StatusOr<std::vector<std::string>> ParseIdentities(std::string_view payload) {
  if (payload.empty() || payload[0] != kIdentitiesAnswer)
    return absl::UnavailableError("the ssh-agent does not tell its keys");
  payload.remove_prefix(1);
  const std::optional<uint32_t> count = TakeNumber(payload);
  std::vector<std::string> blobs;
  for (uint32_t i = 0; count && i < *count; ++i) {
    const std::optional<std::string_view> blob = TakeString(payload), comment = TakeString(payload);
    if (!blob || !comment) break;
    blobs.push_back(ToBase64(*blob));
  }
  return blobs;
}

}  // namespace

StatusOr<std::vector<std::string>> ListAgentKeys(const std::string& path, Duration deadline) {
  FS_ASSIGN_OR_RETURN(const int fd, ConnectTo(path));
  const MonoTime end = ReadClocks().mono + deadline;
  std::string buffer;
  bool alive = SendWhole(fd, Frame(std::string_view(&kRequestIdentities, 1)));
  while (alive && !WholeFrame(buffer)) {
    const Duration left = end - ReadClocks().mono;
    pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
    alive =
        left > Duration::zero() &&
        poll(&readable, 1,
             static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count())) >= 0 &&
        ReadInto(fd, buffer);
  }
  close(fd);
  if (!alive) return absl::UnavailableError("the ssh-agent does not answer");
  return ParseIdentities(*WholeFrame(buffer));
}

AgentClient::~AgentClient() {
  for (auto& [id, customer] : customers_) CloseWire(customer.wire);
  for (auto& [id, signing] : signings_) CloseWire(signing.wire);
}

void AgentClient::CloseWire(Wire& wire) {
  if (wire.watch != 0) loop_.Unwatch(wire.watch);
  if (wire.fd >= 0) close(wire.fd);
  wire = {};
}

StatusOr<int> AgentClient::Open(const std::vector<std::string>& keys) {
  std::array<int, 2> pair{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return ErrnoStatus(errno, "opening a way to the ssh-agent");
  const uint64_t id = ++last_id_;
  StatusOr<EventLoop::WatchId> watch =
      loop_.Watch(pair[0], EPOLLIN, [this, id](uint32_t) { OnCustomer(id); });
  if (!watch.ok()) {
    close(pair[0]);
    close(pair[1]);
    return watch.status();
  }
  Customer& customer = customers_[id];
  customer.wire = {.fd = pair[0], .watch = *watch, .in = ""};
  std::string payload = kIdentitiesAnswer + Number(keys.size());
  for (const std::string& key : keys) {
    customer.blobs.push_back(FromBase64(key));
    payload += Frame(customer.blobs.back()) + Number(0);  // no comment
  }
  customer.identities = Frame(payload);
  return pair[1];
}

void AgentClient::OnCustomer(uint64_t id) {
  Customer& customer = customers_.at(id);
  if (!ReadInto(customer.wire.fd, customer.wire.in)) {
    CloseWire(customer.wire);
    customers_.erase(id);
    return;
  }
  while (const std::optional<std::string_view> frame = WholeFrame(customer.wire.in)) {
    std::string_view rest = frame->empty() ? "" : frame->substr(1);
    const char type = frame->empty() ? kFailure : frame->front();
    const std::optional<std::string_view> blob =
        type == kSignRequest ? TakeString(rest) : std::nullopt;
    const bool ours = blob && std::find(customer.blobs.begin(), customer.blobs.end(), *blob) !=
                                  customer.blobs.end();
    if (type == kRequestIdentities)
      SendWhole(customer.wire.fd, customer.identities);
    else if (ours)
      waiting_.emplace_back(id, Frame(*frame));
    else
      SendWhole(customer.wire.fd, Frame(std::string_view(&kFailure, 1)));
    customer.wire.in.erase(0, 4 + frame->size());
  }
  StartNext();
}

void AgentClient::StartNext() {
  while (!waiting_.empty() && signings_.size() < kMostAtOnce) {
    auto [customer, request] = std::move(waiting_.front());
    waiting_.pop_front();
    if (!customers_.contains(customer)) continue;
    const uint64_t id = ++last_id_;
    Signing& signing = signings_[id];
    signing.customer = customer;
    signing.request = std::move(request);
    const StatusOr<int> fd = ConnectTo(path_);
    if (fd.ok()) signing.wire.fd = *fd;
    const bool sent = fd.ok() && SendWhole(*fd, signing.request);
    const StatusOr<EventLoop::WatchId> watch =
        sent ? loop_.Watch(*fd, EPOLLIN, [this, id](uint32_t) { OnAgent(id); })
             : StatusOr<EventLoop::WatchId>(absl::UnavailableError(""));
    if (watch.ok())
      signing.wire.watch = *watch;
    else
      FinishSigning(id, std::string_view(&kFailure, 1));
  }
}

void AgentClient::OnAgent(uint64_t id) {
  Signing& signing = signings_.at(id);
  const bool alive = ReadInto(signing.wire.fd, signing.wire.in);
  if (const std::optional<std::string_view> frame = WholeFrame(signing.wire.in))
    FinishSigning(id, std::string(*frame));
  else if (!alive)
    FinishSigning(id, std::string_view(&kFailure, 1));
  else
    return;
  StartNext();
}

void AgentClient::FinishSigning(uint64_t id, std::string_view frame) {
  Signing& signing = signings_.at(id);
  const auto customer = customers_.find(signing.customer);
  if (customer != customers_.end()) SendWhole(customer->second.wire.fd, Frame(frame));
  CloseWire(signing.wire);
  signings_.erase(id);
}

}  // namespace fleetsync::ssh
