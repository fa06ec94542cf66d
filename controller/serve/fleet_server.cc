#include "controller/serve/fleet_server.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <thread>
#include <utility>

#include "base/clock_read.h"
#include "base/mutex.h"
#include "fmt/format.h"
#include "proto/fleetsync/v1/fleet.grpc.pb.h"

namespace fleetsync::serve {
namespace {

// A report of 64 sources with the longest names takes 50 kB.
constexpr int kMaxMessageBytes = 64 * 1024;
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kMinPingIntervalMs = 10'000;
constexpr int kMaxPingStrikes = 3;
constexpr int kMaxTlsFrameBytes = 2048;  // of what is sent: acknowledgements and commands
constexpr int kMaxMetadataBytes = 8 * 1024;
constexpr std::chrono::seconds kStopGrace{1};
constexpr std::chrono::milliseconds kTick{250};

class Service final : public v1::FleetService::CallbackService {
 public:
  explicit Service(const StreamSurroundings& around) : around_(around) {}

  grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>* Stream(
      grpc::CallbackServerContext* context) override {
    return BeginAgentStream(*context, around_);
  }

 private:
  const StreamSurroundings& around_;
};

// Tells the streams the time: gRPC's own timers run on CLOCK_REALTIME, which is set on machines
// like these.
class Ticker {
 public:
  explicit Ticker(AgentTable& agents) : agents_(agents), thread_([this] { Run(); }) {}
  ~Ticker() {
    {
      const MutexLock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  bool Wait() {
    const MutexLock lock(mutex_);
    if (!stopping_) wake_.wait_for(mutex_, kTick);
    return !stopping_;
  }
  void Run() {
    while (Wait()) agents_.OnTick(ReadClocks());
  }

  AgentTable& agents_;
  Mutex mutex_;
  std::condition_variable_any wake_;
  bool stopping_ FS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

class GrpcFleetServer final : public FleetServer {
 public:
  GrpcFleetServer(FleetServerConfig config, std::unique_ptr<Acceptor> acceptor,
                  const CurrentFleet& fleet, StoreWriter& store, AgentTable& agents,
                  spdlog::logger& log)
      : config_(std::move(config)),
        acceptor_(std::move(acceptor)),
        around_{fleet,
                store,
                agents,
                *acceptor_,
                log,
                log_limit_,
                config_.verifier,
                config_.sign,
                config_.on_measured,
                config_.limits},
        service_(around_) {}
  ~GrpcFleetServer() override { Stop(); }

  Status Begin() {
    grpc::ServerBuilder builder;
    connections_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
        config_.credentials ? config_.credentials : grpc::InsecureServerCredentials());
    SetLimits(builder);
    builder.RegisterService(&service_);
    if (config_.operators != nullptr) builder.RegisterService(config_.operators);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr)
      return absl::UnavailableError(
          fmt::format("listening on {}: gRPC's server does not start", config_.address.ToString()));
    ticker_.emplace(around_.agents);
    return acceptor_->Begin([this](int fd) { HandOver(fd); },
                            [this](const std::string& why) { OnRefused(why); });
  }

  int port() const override { return acceptor_->port(); }

  void OnFleetChanged() override {
    const std::shared_ptr<const ServedFleet> fleet = around_.fleet.Get();
    for (const std::string& host : around_.agents.Connected()) {
      if (fleet->names.contains(host)) continue;
      if (const auto link = around_.agents.Find(host))
        link->End(absl::PermissionDeniedError(
            fmt::format("host '{}' is no longer in the controller's inventory", host)));
    }
  }

  void Stop() override {
    if (server_ == nullptr) return;
    acceptor_->Stop();
    for (const auto& link : around_.agents.All())
      link->End(absl::UnavailableError("the controller is stopping"));
    around_.agents.AwaitEmpty(kStopGrace);
    for (const auto& link : around_.agents.All()) link->Cancel();
    ticker_.reset();
    // Now: its own deadline would be on a clock that may be set meanwhile.
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_ = nullptr;
  }

 private:
  void SetLimits(grpc::ServerBuilder& builder) const {
    builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                               static_cast<int>(config_.limits.streams));
    builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
    builder.AddChannelArgument(GRPC_ARG_TSI_MAX_FRAME_SIZE, kMaxTlsFrameBytes);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                               kMinPingIntervalMs);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, kMaxPingStrikes);
  }

  void HandOver(int fd) {
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = fd;
    connections_->HandleNewConnection(&connection);
  }

  void OnRefused(const std::string& why) {
    if (log_limit_.Allow(ReadClocks().mono)) around_.log.warn("{}{}", why, log_limit_.LeftOut());
  }

  const FleetServerConfig config_;
  const std::unique_ptr<Acceptor> acceptor_;
  LogLimit log_limit_;
  const StreamSurroundings around_;
  Service service_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> connections_;
  std::optional<Ticker> ticker_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

StatusOr<std::unique_ptr<FleetServer>> FleetServer::Start(FleetServerConfig config,
                                                          const CurrentFleet& fleet,
                                                          StoreWriter& store, AgentTable& agents,
                                                          spdlog::logger& log) {
  FS_ASSIGN_OR_RETURN(std::unique_ptr<Acceptor> acceptor,
                      Acceptor::Listen(config.address, config.limits));
  auto server = std::make_unique<GrpcFleetServer>(std::move(config), std::move(acceptor), fleet,
                                                  store, agents, log);
  FS_RETURN_IF_ERROR(server->Begin());
  return server;
}

}  // namespace fleetsync::serve
