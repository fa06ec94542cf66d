#include "controller/sync/ntp_query.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <random>

#include "base/clock_read.h"
#include "base/descriptor.h"
#include "fmt/format.h"
#include "proto/ntp/exchange.h"
#include "proto/ntp/names.h"

namespace fleetsync::sync {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(50);  // how soon a Ctrl-C is heard
constexpr int8_t kPoll = 6;
constexpr size_t kMaxAnswer = 1024;

// Connected, so that the kernel drops what others send and tells of ICMP's refusals.
Descriptor Connect(const std::string& address, uint16_t port, std::string& error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (result != 0) {
    error = gai_strerror(result);
    return Descriptor();
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    Descriptor socket(::socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() >= 0 && connect(socket.get(), at->ai_addr, at->ai_addrlen) == 0) return socket;
  }
  return Descriptor();
}

// One server: asks, waits, evaluates, until it has its samples or its tries are used up.
class Query {
 public:
  Query(const std::string& address, const NtpQueryOptions& options, std::mt19937_64& random)
      : options_(options), random_(random) {
    state_.name = state_.address = address;
    std::string error;
    socket_ = Connect(address, options.port, error);
    if (!error.empty()) {
      state_.kind = RelayState::Kind::kUnknownName;
      state_.detail = error;
    } else {
      state_.kind = RelayState::Kind::kSilent;
      state_.detail = !socket_.open() ? "no route" : "no answer";
    }
    done_ = !socket_.open();
  }

  bool done() const { return done_; }
  int descriptor() const { return socket_.get(); }
  MonoTime timeout() const { return asked_at_ + options_.patience; }
  RelayState Result() {
    if (state_.kind == RelayState::Kind::kSynchronised && interval_known_) {
      const Duration bound = (high_ - low_ + Duration(1)) / 2;
      state_.measured = Estimate{low_ + bound, bound};
    }
    return state_;
  }

  void Ask() {
    if (++asked_ > options_.samples) {
      done_ = true;
      return;
    }
    request_.cookie = ntp::Timestamp{random_()};
    std::array<std::byte, ntp::kHeaderSize> wire{};
    ntp::Encode(ntp::ClientRequest(request_.cookie, kPoll), wire);
    const Now now = ReadClocks();
    request_.sent = now.system;
    asked_at_ = now.mono;
    if (send(socket_.get(), wire.data(), wire.size(), 0) < 0) Refused();
  }

  void OnTimeout() {
    // A server that has answered and now is silent limits its rate: what there is must do.
    if (state_.kind == RelayState::Kind::kSynchronised) {
      done_ = true;
    } else {
      Ask();
    }
  }

  void OnReadable() {
    std::array<std::byte, kMaxAnswer> wire{};
    const ssize_t size = recv(socket_.get(), wire.data(), wire.size(), 0);
    const Now now = ReadClocks();
    if (size < 0) {
      if (errno != EAGAIN && errno != EINTR) Refused();
      return;
    }
    const ntp::Decoded decoded = ntp::Decode(std::span(wire).first(static_cast<size_t>(size)));
    if (decoded.ok()) OnAnswer(decoded.packet, now);
  }

 private:
  void Refused() {
    if (state_.kind == RelayState::Kind::kSilent) {
      state_.detail = errno == ECONNREFUSED ? "port closed" : std::strerror(errno);  // NOLINT
    }
    done_ = true;
  }

  void OnAnswer(const ntp::Packet& packet, Now now) {
    const ntp::ExchangeResult result = ntp::Evaluate(request_, packet, now.system);
    if (result.verdict == ntp::Verdict::kOriginMismatch ||
        result.verdict == ntp::Verdict::kNotAServer) {
      return;  // not the answer: go on waiting
    }
    state_.stratum = packet.stratum;
    if (result.verdict == ntp::Verdict::kGood) {
      state_.kind = RelayState::Kind::kSynchronised;
      state_.detail.clear();
      state_.measured_at = now;
      Narrow(result.measurement);
      Ask();
      return;
    }
    done_ = true;
    if (state_.kind == RelayState::Kind::kSynchronised) return;
    state_.kind = RelayState::Kind::kUnsynchronised;
    state_.detail = Why(result.verdict, packet);
  }

  static std::string Why(ntp::Verdict verdict, const ntp::Packet& packet) {
    if (verdict == ntp::Verdict::kKiss) {
      return fmt::format("kiss-o'-death {}", ntp::ReferenceIdText(packet.reference_id, 0));
    }
    if (verdict == ntp::Verdict::kUnsynchronised) {
      return fmt::format("stratum {}, leap {}", packet.stratum, static_cast<int>(packet.leap));
    }
    return std::string(ntp::Describe(verdict));
  }

  // What the server claims about its own distance to UTC is left out: the fleet is to agree with
  // this server.
  void Narrow(const ntp::Measurement& measurement) {
    const Duration bound = measurement.delay / 2 + measurement.dispersion;
    const Duration low = measurement.offset - bound, high = measurement.offset + bound;
    const bool apart = interval_known_ && (low > high_ || high < low_);
    low_ = interval_known_ && !apart ? std::max(low_, low) : low;
    high_ = interval_known_ && !apart ? std::min(high_, high) : high;
    interval_known_ = true;
  }

  const NtpQueryOptions& options_;
  std::mt19937_64& random_;
  RelayState state_;
  Descriptor socket_;
  ntp::Request request_;
  MonoTime asked_at_{};
  int asked_ = 0;
  bool done_ = false, interval_known_ = false;
  Duration low_{}, high_{};
};

void WaitFor(std::vector<Query>& queries) {
  std::vector<pollfd> descriptors;
  std::vector<Query*> waiting;
  for (Query& query : queries) {
    if (query.done()) continue;
    descriptors.push_back({.fd = query.descriptor(), .events = POLLIN, .revents = 0});
    waiting.push_back(&query);
  }
  const auto tick = std::chrono::duration_cast<std::chrono::milliseconds>(kTick).count();
  poll(descriptors.data(), descriptors.size(), static_cast<int>(tick));
  const MonoTime now = ReadClocks().mono;
  for (size_t i = 0; i < waiting.size(); ++i) {
    if (descriptors[i].revents != 0) {
      waiting[i]->OnReadable();
    } else if (now >= waiting[i]->timeout()) {
      waiting[i]->OnTimeout();
    }
  }
}

}  // namespace

std::vector<RelayState> QueryServers(const std::vector<std::string>& addresses,
                                     const NtpQueryOptions& options,
                                     const std::atomic<bool>& stop) {
  std::random_device seed;
  std::mt19937_64 random(uint64_t{seed()} << 32 | seed());
  std::vector<Query> queries;
  queries.reserve(addresses.size());
  for (const std::string& address : addresses) queries.emplace_back(address, options, random);
  const MonoTime deadline = ReadClocks().mono + options.deadline;
  for (Query& query : queries) {
    if (!query.done()) query.Ask();
  }
  const auto waiting = [](const Query& query) { return !query.done(); };
  while (std::any_of(queries.begin(), queries.end(), waiting) && !stop &&
         ReadClocks().mono < deadline) {
    WaitFor(queries);
  }
  std::vector<RelayState> states;
  for (Query& query : queries) states.push_back(query.Result());
  return states;
}

}  // namespace fleetsync::sync
