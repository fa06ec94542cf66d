#include "controller/serve/fleet_server.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/clock_read.h"
#include "base/mutex.h"
#include "base/text.h"
#include "controller/ca/peer.h"
#include "controller/serve/server_credentials.h"
#include "fmt/format.h"
#include "proto/fleetsync/v1/fleet.grpc.pb.h"

namespace fleetsync::serve {
namespace {

// A report of 64 sources with the longest names takes 50 kB.
constexpr int kMaxMessageBytes = 64 * 1024;
// Entries of one stream that are on their way to the disk; reading stops beyond it, and HTTP/2's
// flow control holds the agent.
constexpr size_t kWindow = 64;
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kMinPingIntervalMs = 10'000;
constexpr std::chrono::seconds kStopGrace{1};

grpc::Status ToGrpc(const Status& status) {
  // Both enumerations have the same numbers (absl/status/status.h).
  return {static_cast<grpc::StatusCode>(status.code()), Message(status)};
}

class Stream;

// The streams that are open, so that a stop can end them.
class Streams {
 public:
  void Add(std::shared_ptr<Stream> stream) {
    const MutexLock lock(mutex_);
    streams_.insert(std::move(stream));
  }
  void Remove(const std::shared_ptr<Stream>& stream) {
    const MutexLock lock(mutex_);
    streams_.erase(stream);
  }
  std::set<std::shared_ptr<Stream>> All() {
    const MutexLock lock(mutex_);
    return streams_;
  }

 private:
  Mutex mutex_;
  std::set<std::shared_ptr<Stream>> streams_ FS_GUARDED_BY(mutex_);
};

// One agent's call. At most one read and one write in flight. Owned by Streams while gRPC uses it,
// and by the store's callbacks that are still to come.
class Stream final : public grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>,
                     public std::enable_shared_from_this<Stream> {
 public:
  // `proven`: by the certificate; nothing in plain text.
  Stream(const HostNames& hosts, StoreWriter& store, Streams& streams, spdlog::logger& log,
         std::string peer, std::optional<ca::Peer> proven)
      : session_(hosts),
        store_(store),
        streams_(streams),
        log_(log),
        peer_(std::move(peer)),
        proven_(std::move(proven)) {}

  void Begin() { StartRead(&request_); }

  // The server stops.
  void Close() {
    const MutexLock lock(mutex_);
    if (!end_) end_ = grpc::Status(grpc::StatusCode::UNAVAILABLE, "the controller is stopping");
    Continue();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      const MutexLock lock(mutex_);
      half_closed_ = true;
      Continue();
      return;
    }
    const bool introduced = !session_.host().empty();
    if (request_.has_hello() && proven_) {
      if (const Status own = ca::MaySpeakFor(*proven_, request_.hello().host()); !own.ok())
        return Refuse(own);
    }
    StatusOr<Accepted> accepted = session_.OnMessage(request_, ReadClocks().system);
    if (!accepted.ok()) {
      Refuse(accepted.status());
      return;
    }
    if (!introduced) log_.info("{}: agent connected from {}", Printable(session_.host()), peer_);
    {
      const MutexLock lock(mutex_);
      ++uncommitted_;
    }
    store_.Add(*std::move(accepted), [self = shared_from_this(), introduced](uint64_t through) {
      self->OnStored(introduced, through);
    });
    const MutexLock lock(mutex_);
    paused_ = true;
    ReadOn();
  }

  void OnWriteDone(bool ok) override {
    const MutexLock lock(mutex_);
    writing_ = false;
    if (!ok) cancelled_ = true;
    Continue();
  }

  void OnCancel() override {
    const MutexLock lock(mutex_);
    cancelled_ = true;
    Continue();
  }

  void OnDone() override {
    if (!session_.host().empty())
      log_.info("{}: agent at {} disconnected", Printable(session_.host()), peer_);
    streams_.Remove(shared_from_this());
  }

 private:
  void Refuse(const Status& status) {
    log_.warn("refused the stream from {}: {}", peer_, Message(status));
    const MutexLock lock(mutex_);
    end_ = ToGrpc(status);
    Continue();
  }

  void OnStored(bool report, uint64_t through) {
    const MutexLock lock(mutex_);
    --uncommitted_;
    if (report)
      acknowledge_ = std::max(acknowledge_.value_or(0), through);
    else
      welcome_ = through;
    ReadOn();
    Continue();
  }

  void ReadOn() FS_REQUIRES(mutex_) {
    if (!paused_ || finished_ || uncommitted_ >= kWindow) return;
    paused_ = false;
    StartRead(&request_);
  }

  // Starts the write or the end that is due, when none is in flight.
  void Continue() FS_REQUIRES(mutex_) {
    if (finished_ || writing_) return;
    if (cancelled_) return End(grpc::Status::CANCELLED);
    if (end_) return End(*end_);
    if (welcome_ || acknowledge_) return WriteNext();
    if (half_closed_ && uncommitted_ == 0) End(grpc::Status::OK);
  }

  void WriteNext() FS_REQUIRES(mutex_) {
    response_.Clear();
    if (welcome_)
      response_.mutable_welcome()->set_stored_through(*std::exchange(welcome_, std::nullopt));
    else
      response_.mutable_acknowledgement()->set_through(*std::exchange(acknowledge_, std::nullopt));
    writing_ = true;
    StartWrite(&response_);
  }

  void End(const grpc::Status& status) FS_REQUIRES(mutex_) {
    finished_ = true;
    Finish(status);
  }

  IngestSession session_;  // reactions of reads alone
  StoreWriter& store_;
  Streams& streams_;
  spdlog::logger& log_;
  const std::string peer_;
  const std::optional<ca::Peer> proven_;
  v1::StreamRequest request_;
  v1::StreamResponse response_;
  Mutex mutex_;
  size_t uncommitted_ FS_GUARDED_BY(mutex_) = 0;
  bool paused_ FS_GUARDED_BY(mutex_) = false;  // no read in flight, and one is wanted
  bool writing_ FS_GUARDED_BY(mutex_) = false;
  bool half_closed_ FS_GUARDED_BY(mutex_) = false;
  bool cancelled_ FS_GUARDED_BY(mutex_) = false;
  bool finished_ FS_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> end_ FS_GUARDED_BY(mutex_);
  std::optional<uint64_t> welcome_ FS_GUARDED_BY(mutex_);
  std::optional<uint64_t> acknowledge_ FS_GUARDED_BY(mutex_);
};

class Service final : public v1::FleetService::CallbackService {
 public:
  Service(const HostNames& hosts, StoreWriter& store, Streams& streams, spdlog::logger& log)
      : hosts_(hosts), store_(store), streams_(streams), log_(log) {}

  void ProvePeers() { proves_peers_ = true; }

  grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* Stream(
      grpc::CallbackServerContext* context) override {
    std::optional<ca::Peer> proven;
    if (proves_peers_) {
      // The credentials have checked it; who is nobody all the same speaks for no host.
      proven = PeerOf(*context).value_or(ca::Peer{});
    }
    auto stream = std::make_shared<serve::Stream>(hosts_, store_, streams_, log_, context->peer(),
                                                  std::move(proven));
    streams_.Add(stream);
    stream->Begin();
    return stream.get();
  }

 private:
  const HostNames& hosts_;
  StoreWriter& store_;
  Streams& streams_;
  spdlog::logger& log_;
  bool proves_peers_ = false;
};

class GrpcFleetServer final : public FleetServer {
 public:
  GrpcFleetServer(const HostNames& hosts, StoreWriter& store, spdlog::logger& log)
      : service_(hosts, store, streams_, log) {}
  ~GrpcFleetServer() override { Stop(); }

  Status Listen(const FleetPort& port) {
    const ListenAddress& address = port.address;
    if (port.credentials != nullptr) service_.ProvePeers();
    FS_RETURN_IF_ERROR(CheckFree(address));
    grpc::ServerBuilder builder;
    builder.AddListeningPort(
        address.ToString(),
        port.credentials == nullptr ? grpc::InsecureServerCredentials() : port.credentials, &port_);
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    // Two servers on one port would each get half of the agents.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               kMinPingIntervalMs);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (server_ != nullptr && port_ != 0) return absl::OkStatus();
    return absl::UnavailableError(fmt::format("listening on {}: refused", address.ToString()));
  }

  int port() const override { return port_; }

  void Stop() override {
    if (server_ == nullptr) return;
    for (const auto& stream : streams_.All()) stream->Close();
    server_->Shutdown(std::chrono::system_clock::now() + kStopGrace);
    server_->Wait();
    server_ = nullptr;
  }

 private:
  Streams streams_;
  Service service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace

StatusOr<std::unique_ptr<FleetServer>> FleetServer::Start(const FleetPort& port,
                                                          const HostNames& hosts,
                                                          StoreWriter& store, spdlog::logger& log) {
  auto server = std::make_unique<GrpcFleetServer>(hosts, store, log);
  FS_RETURN_IF_ERROR(server->Listen(port));
  return server;
}

}  // namespace fleetsync::serve
