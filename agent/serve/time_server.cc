#include "agent/serve/time_server.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include "agent/net/udp_server_socket.h"
#include "base/clock_read.h"
#include "proto/ntp/mac.h"

namespace fleetsync::serve {
namespace {

static_assert(server::kLargestReply <= net::UdpServerSocket::kLargestReply);

using Counter = std::atomic<uint64_t>;

// By its one writer.
void Add(Counter& counter, uint64_t n) {
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace

class TimeServer::Worker {
 public:
  Worker(net::UdpServerSocket socket, const server::PublishedVars& vars,
         server::Responder responder)
      : socket_(std::move(socket)), vars_(vars), responder_(std::move(responder)) {}
  ~Worker() {
    stop_ = true;
    socket_.Interrupt();
    if (thread_.joinable()) thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Start() {
    thread_ = std::thread([this] { Run(); });
  }

  void AddTo(Counts& counts) const {
    for (size_t i = 0; i < verdicts_.size(); ++i) counts.verdicts[i] += verdicts_[i];
    counts.overflowed += socket_.dropped();
    counts.unsent += unsent_;
    counts.clients += responder_.clients().size();
  }
  std::vector<server::ClientCount> Top(size_t count) const {
    return responder_.clients().Top(count);
  }
  size_t receive_buffer() const { return socket_.receive_buffer(); }

 private:
  void Run() {
    while (!stop_) {
      const size_t count = socket_.Receive();
      if (stop_ || count == 0) continue;
      const server::ServerVars vars = vars_.Read();
      const MonoTime now = ReadClocks().mono;
      size_t replies = 0;
      for (size_t i = 0; i < count; ++i) replies += Serve(i, vars, now);
      if (replies > 0) Add(unsent_, replies - socket_.Flush());
    }
  }

  // How many answers there are to it: 0 or 1.
  size_t Serve(size_t i, const server::ServerVars& vars, MonoTime now) {
    const auto incoming = socket_.At(i);
    server::Response response;
    if (incoming) {
      const SystemTime sending = ReadSystemClock();
      response = responder_.Respond(
          vars, {incoming->bytes, incoming->from, incoming->stamp.value_or(sending)},
          {now, sending}, socket_.ReplyBuffer(i).first<server::kLargestReply>());
    }
    Add(verdicts_[static_cast<size_t>(response.verdict)], 1);
    if (response.size == 0) return 0;
    socket_.Reply(i, response.size);
    return 1;
  }

  net::UdpServerSocket socket_;
  const server::PublishedVars& vars_;
  server::Responder responder_;
  std::atomic<bool> stop_{false};
  alignas(64) std::array<Counter, server::kVerdicts> verdicts_{};
  Counter unsent_{0};
  std::thread thread_;
};

uint64_t Counts::requests() const {
  return std::accumulate(verdicts.begin(), verdicts.end(), uint64_t{0});
}

TimeServer::TimeServer(std::span<const server::AccessRule> access) : access_(access) {}

TimeServer::~TimeServer() = default;

StatusOr<std::unique_ptr<TimeServer>> TimeServer::Bind(TimeServerConfig config) {
  std::unique_ptr<TimeServer> server(new TimeServer(config.access));
  for (const ntp::Address& address : config.listen) {
    FS_ASSIGN_OR_RETURN(auto sockets,
                        net::UdpServerSocket::Listen(address, std::max<size_t>(config.workers, 1),
                                                     net::ServerSocketOptions{}));
    server->addresses_.push_back(address);
    server->addresses_.back().port = sockets.front().port();
    for (net::UdpServerSocket& socket : sockets) {
      std::optional<ntp::Authenticator> authenticator;
      if (!config.keys.keys().empty()) {
        FS_ASSIGN_OR_RETURN(authenticator, ntp::Authenticator::Create(config.keys));
      }
      server->workers_.push_back(std::make_unique<Worker>(
          std::move(socket), server->vars_,
          server::Responder(server->access_, std::move(authenticator), config.limit, config.seed)));
    }
  }
  return server;
}

void TimeServer::Work() {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // the workers inherit it
  for (const auto& worker : workers_) worker->Start();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

StatusOr<std::unique_ptr<TimeServer>> TimeServer::Start(TimeServerConfig config) {
  FS_ASSIGN_OR_RETURN(auto server, Bind(std::move(config)));
  server->Work();
  return server;
}

size_t TimeServer::receive_buffer() const {
  size_t least = SIZE_MAX;
  for (const auto& worker : workers_) least = std::min(least, worker->receive_buffer());
  return least;
}

Counts TimeServer::TakeCounts() const {
  Counts counts;
  for (const auto& worker : workers_) worker->AddTo(counts);
  return counts;
}

std::vector<server::ClientCount> TimeServer::TopClients(size_t count) const {
  // A client that asks at several addresses has a worker for each.
  std::map<std::array<uint8_t, 16>, server::ClientCount> merged;
  for (const auto& worker : workers_) {
    for (const server::ClientCount& c : worker->Top(SIZE_MAX)) {
      server::ClientCount& all = merged[c.client.ip];
      all.client = c.client;
      all.requests += c.requests;
      all.limited += c.limited;
      all.last = std::max(all.last, c.last);
    }
  }
  std::vector<server::ClientCount> top;
  for (const auto& [ip, c] : merged) top.push_back(c);
  std::stable_sort(top.begin(), top.end(),
                   [](const auto& a, const auto& b) { return a.requests > b.requests; });
  top.resize(std::min(count, top.size()));
  return top;
}

}  // namespace fleetsync::serve
