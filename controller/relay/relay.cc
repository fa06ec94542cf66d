#include "controller/relay/relay.h"

#include <sys/random.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "agent/daemon/key_file_reader.h"
#include "agent/daemon/notify.h"
#include "agent/net/address_text.h"
#include "agent/serve/serve_text.h"
#include "agent/serve/this_host.h"
#include "agent/serve/time_server.h"
#include "agent/server/local_fallback.h"
#include "agent/server/vars_text.h"
#include "base/clock_read.h"
#include "base/text.h"
#include "base/time_text.h"
#include "controller/relay/access.h"
#include "controller/relay/status.h"
#include "controller/relay/status_socket.h"
#include "controller/relay/system_time.h"
#include "controller/relay/upstream.h"
#include "controller/ui/service_log.h"
#include "fmt/format.h"

namespace fleetsync::relay {
namespace {

// A clock that is wrong by 100 ppm goes 12 us in this time.
constexpr Duration kPublishInterval = std::chrono::milliseconds(125);
constexpr Duration kLogInterval = std::chrono::seconds(60);
constexpr size_t kTopClients = 10;
constexpr uint16_t kNtpPort = 123;

uint64_t Seed() {
  uint64_t seed = 0;
  static_cast<void>(!getrandom(&seed, sizeof seed, 0));
  return seed;
}

StatusOr<std::vector<ntp::Address>> ListenAddresses(const RelayOptions& options) {
  if (options.listen.empty()) return serve::AllAddresses(options.port);
  std::vector<ntp::Address> addresses;
  for (const std::string& text : options.listen) {
    const auto address = net::ParseNumericAddress(text, options.port);
    if (!address) {
      return absl::InvalidArgumentError(fmt::format(
          "--listen {}: not an address of this machine; write 192.0.2.1 or 2001:db8::1, "
          "and the port with --port",
          text));
    }
    addresses.push_back(*address);
  }
  return addresses;
}

// The local daemon's address, unless that is where this relay itself listens.
std::optional<ntp::Address> LocalDaemon(const std::vector<ntp::Address>& listening) {
  const auto loopback = net::ParseNumericAddress("127.0.0.1", kNtpPort);
  const auto any = net::ParseNumericAddress("0.0.0.0", kNtpPort);
  const bool ourselves = std::any_of(
      listening.begin(), listening.end(),
      [&](const ntp::Address& address) { return address == *loopback || address == *any; });
  return ourselves ? std::nullopt : loopback;
}

std::unique_ptr<Upstream> MakeUpstream(const RelayOptions& options,
                                       const std::vector<ntp::Address>& listening,
                                       spdlog::logger& log) {
  const int8_t precision = serve::MeasurePrecision();
  if (options.upstreams.empty()) return MakeSystemUpstream(LocalDaemon(listening), precision);
  daemon::ShellConfig shell;
  shell.seed = Seed();
  shell.log = [&log](const std::string& text) { log.info("{}", text); };
  shell.engine.precision = precision;
  shell.engine.orphan_stratum = options.local_stratum;
  shell.engine.own_reference_id = serve::OwnReferenceId(listening);
  for (const std::string& name : options.upstreams)
    shell.engine.sources.push_back({.name = name, .iburst = true});
  for (const std::string& name : options.peers)
    shell.engine.sources.push_back({.name = name, .iburst = true, .peer = true});
  return MakeEngineUpstream(shell);
}

class Relay {
 public:
  Relay(const RelayOptions& options, std::shared_ptr<spdlog::logger> log,
        std::unique_ptr<serve::TimeServer> server, std::unique_ptr<Upstream> upstream)
      : log_(std::move(log)),
        server_(std::move(server)),
        upstream_(std::move(upstream)),
        fallback_(options.local_stratum, options.local_after),
        started_(ReadClocks().mono) {}

  Status Serve(StatusSocket* status_socket, const std::atomic<bool>& stop) {
    FS_RETURN_IF_ERROR(upstream_->Start());
    MonoTime next_publish = started_;
    MonoTime next_log = started_ + kLogInterval;
    while (!stop) {
      if (ReadClocks().mono >= next_publish) {
        Publish();
        next_publish = ReadClocks().mono + kPublishInterval;
      }
      if (ReadClocks().mono >= next_log) {
        log_->debug("{}; {}", serve::CountsText(server_->TakeCounts()), server::VarsText(vars_));
        next_log += kLogInterval;
      }
      pollfd asked{status_socket != nullptr ? status_socket->fd() : -1, POLLIN, 0};
      FS_RETURN_IF_ERROR(upstream_->Turn(next_publish, std::span(&asked, 1)));
      if ((asked.revents & POLLIN) != 0) {
        status_socket->Answer([this] { return ToJson(TakeStatus()); });
      }
    }
    log_->info("stopping; {}", serve::CountsText(server_->TakeCounts()));
    return absl::OkStatus();
  }

 private:
  void Publish() {
    vars_ = fallback_.Apply(upstream_->TakeVars());
    server_->Publish(vars_);
    const std::string source = Source();
    if (source == source_told_) return;
    source_told_ = source;
    log_->info("time from {}: {}", source, server::VarsText(vars_));
  }

  std::string Source() {
    if (fallback_.active()) return std::string(server::kOwnClock);
    return vars_.synchronised() ? upstream_->Describe() : std::string(server::kNowhere);
  }

  RelayStatus TakeStatus() {
    return {.listening = server_->addresses(),
            .source = Source(),
            .vars = vars_,
            .counts = server_->TakeCounts(),
            .top = server_->TopClients(kTopClients),
            .receive_buffer = server_->receive_buffer(),
            .started = started_,
            .now = ReadClocks()};
  }

  std::shared_ptr<spdlog::logger> log_;
  std::unique_ptr<serve::TimeServer> server_;
  std::unique_ptr<Upstream> upstream_;
  server::LocalFallback fallback_;
  MonoTime started_;
  server::ServerVars vars_;
  std::string source_told_;
};

void TellStart(spdlog::logger& log, const RelayOptions& options, const serve::TimeServer& server) {
  for (const ntp::Address& address : server.addresses()) {
    log.info("serving time on {} port {}", net::AddressText(address), address.port);
  }
  if (options.allow.empty()) {
    log.info("answering this machine and private networks alone; others with --allow");
  }
  if (const std::string warning = serve::BufferWarning(server.receive_buffer()); !warning.empty())
    log.warn("{}", warning);
  log.debug("receive buffer {} bytes, {} workers for each address", server.receive_buffer(),
            std::max<size_t>(options.workers, 1));
}

}  // namespace

Status Run(const RelayOptions& options, const std::atomic<bool>& stop) {
  FS_ASSIGN_OR_RETURN(auto access, MakeAccessRules(options.allow, options.deny));
  FS_ASSIGN_OR_RETURN(const std::vector<ntp::Address> addresses, ListenAddresses(options));
  const std::shared_ptr<spdlog::logger> log =
      ui::MakeServiceLog("relay", options.verbose ? ui::LogLevel::kDebug : ui::LogLevel::kInfo);
  ntp::KeyStore keys;
  if (!options.key_file.empty()) {
    FS_ASSIGN_OR_RETURN(
        keys, daemon::ReadKeyFile(options.key_file,
                                  [&log](const std::string& text) { log->warn("{}", text); }));
  }
  FS_ASSIGN_OR_RETURN(auto server, serve::TimeServer::Start({.listen = addresses,
                                                             .workers = options.workers,
                                                             .access = std::move(access),
                                                             .limit = options.limit,
                                                             .keys = std::move(keys),
                                                             .seed = Seed()}));
  std::optional<StatusSocket> status_socket;
  if (!options.status_socket.empty()) {
    auto listening = StatusSocket::Listen(options.status_socket);
    if (listening.ok()) status_socket.emplace(*std::move(listening));
    if (!listening.ok()) log->warn("{}; serving without it", Message(listening.status()));
  }
  TellStart(*log, options, *server);
  Relay relay(options, log, std::move(server), MakeUpstream(options, addresses, *log));
  if (options.notify) daemon::NotifySystemd("READY=1");
  const Status status = relay.Serve(status_socket ? &*status_socket : nullptr, stop);
  if (options.notify) daemon::NotifySystemd("STOPPING=1");
  return status;
}

}  // namespace fleetsync::relay
