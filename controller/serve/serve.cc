#include "controller/serve/serve.h"

#include <malloc.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "base/clock_read.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"
#include "controller/ca/authority.h"
#include "controller/serve/library_logs.h"
#include "controller/serve/operator_service.h"
#include "controller/serve/operator_socket.h"
#include "controller/serve/reflection.h"
#include "controller/serve/server_credentials.h"
#include "controller/serve/service_manager.h"
#include "controller/serve/service_signals.h"
#include "controller/serve/store_writer.h"
#include "controller/ui/service_log.h"
#include "db/writer.h"
#include "fmt/format.h"

namespace fleetsync::serve {
namespace {

constexpr Duration kMaintenanceInterval = std::chrono::minutes(1);
constexpr Duration kTurn = std::chrono::seconds(1);

bool Plain(const ServeOptions& options) {
  return options.plain_text.insecure || options.plain_text.insecure_network;
}

// Why the store's thread gave up, told from there to the thread that waits.
class Failure {
 public:
  Failure() : event_(eventfd(0, EFD_CLOEXEC)) {}
  ~Failure() { close(event_); }
  Failure(const Failure&) = delete;
  Failure& operator=(const Failure&) = delete;

  void Set(const Status& status) {
    {
      const MutexLock lock(mutex_);
      status_ = status;
    }
    eventfd_write(event_, 1);
  }
  Status status() {
    const MutexLock lock(mutex_);
    return status_;
  }
  int event() const { return event_; }

 private:
  const int event_;
  Mutex mutex_;
  Status status_ FS_GUARDED_BY(mutex_);
};

StoreWriterEvents EventsFor(spdlog::logger& log, Failure& failure) {
  return {.on_paused =
              [&log](const Status& status) {
                log.error("reports are not taken now, and agents keep them: {}",
                          Printable(Message(status)));
              },
          .on_resumed = [&log] { log.info("reports are taken again"); },
          .on_failed = [&failure](const Status& status) { failure.Set(status); }};
}

// Each connection takes two descriptors; the usual soft limit is 1,024.
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

uint64_t RandomSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

// What runs beside the streams, and is stopped with its object.
class CompanionThread {
 public:
  CompanionThread(const Companion& work, spdlog::logger& log)
      : thread_([this, &work, &log] {
          if (const Status status = work(stop_); !status.ok())
            log.error("{}", Printable(Message(status)));
        }) {}
  ~CompanionThread() {
    stop_ = true;
    thread_.join();
  }
  CompanionThread(const CompanionThread&) = delete;
  CompanionThread& operator=(const CompanionThread&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class Service {
 public:
  Service(const ServeOptions& options, std::unique_ptr<db::Writer> writer, ServedFleet fleet)
      : options_(options),
        log_(ui::MakeServiceLog("serve")),
        writer_(std::move(writer)),
        fleet_(std::move(fleet)),
        agents_(RandomSeed()),
        store_(*writer_, EventsFor(*log_, failure_)),
        surroundings_{fleet_, store_, agents_, options.db_path},
        local_operators_(MakeOperatorService(surroundings_, OperatorAccess::kWhoReachesIt)),
        remote_operators_(
            MakeOperatorService(surroundings_, Plain(options) ? OperatorAccess::kNobody
                                                              : OperatorAccess::kWhoReachesIt)) {}

  Status Start(const ListenAddress& address);
  void RunUntil(const std::atomic<bool>& stop, const ServiceSignals& signals);
  Status Stop();

 private:
  void Notify(std::string_view state) {
    if (const Status status = NotifyServiceManager(state); !status.ok())
      log_->warn("{}", Message(status));
  }
  Status AddTrust(FleetServerConfig& config);
  void Reload();
  void FeedWatchdog();
  void Maintain();

  const ServeOptions& options_;
  const std::shared_ptr<spdlog::logger> log_;
  const std::unique_ptr<db::Writer> writer_;
  Failure failure_;
  CurrentFleet fleet_;
  AgentTable agents_;
  StoreWriter store_;
  const OperatorSurroundings surroundings_;
  const std::unique_ptr<grpc::Service> local_operators_, remote_operators_;
  std::unique_ptr<ca::Authority> authority_;  // null in plain text, as the verifier
  std::shared_ptr<const ca::Verifier> verifier_;
  std::unique_ptr<OperatorSocket> socket_;
  std::unique_ptr<FleetServer> server_;
  std::optional<CompanionThread> relay_;
  std::optional<Prober> prober_;
  ListenAddress bound_;
  std::shared_ptr<void> tunnels_;
  MonoTime maintained_;
  std::atomic<bool> maintain_soon_{false};  // there was more to do than a turn's worth
  const std::shared_ptr<std::atomic<bool>> heartbeat_ = std::make_shared<std::atomic<bool>>(true);
};

Status Service::Start(const ListenAddress& address) {
  TameLibraryLogs(log_);
  FS_ASSIGN_OR_RETURN(
      socket_, OperatorSocket::Listen(OperatorSocketPath(options_.db_path), *local_operators_));
  FleetServerConfig config{
      .address = address,
      .on_measured =
          [this](const std::string& host, const ClockEstimate& estimate) {
            store_.Add(db::Measurement{host, estimate.at, estimate.offset, estimate.error_bound},
                       nullptr);
          },
      .limits = options_.limits,
      .operators = remote_operators_.get()};
  if (!Plain(options_)) FS_RETURN_IF_ERROR(AddTrust(config));
  FS_ASSIGN_OR_RETURN(server_,
                      FleetServer::Start(std::move(config), fleet_, store_, agents_, *log_));
  bound_ = address;
  bound_.port = static_cast<uint16_t>(server_->port());
  if (!options_.port_file.empty())
    FS_RETURN_IF_ERROR(
        WriteFileAtomically(options_.port_file, fmt::format("{}\n", bound_.port), 0644));
  if (options_.relay) relay_.emplace(options_.relay, *log_);
  if (options_.tunnels) tunnels_ = options_.tunnels(bound_);
  if (options_.probe)
    prober_.emplace(options_.probe, options_.probe_interval, fleet_, agents_, store_);
  if (Plain(options_)) log_->warn("agents' connections are in plain text (--insecure)");
  log_->info("taking reports of {} hosts on {} into {}", fleet_.Get()->hosts.size(),
             bound_.ToString(), writer_->path());
  Notify("READY=1");
  return absl::OkStatus();
}

Status Service::AddTrust(FleetServerConfig& config) {
  FS_ASSIGN_OR_RETURN(authority_, ca::Authority::OpenOrCreate(options_.ca_folder));
  FS_ASSIGN_OR_RETURN(verifier_, authority_->MakeVerifier());
  const PeerCheck check{.verifier = verifier_,
                        .on_refused = [this](const std::string& line) { log_->warn("{}", line); }};
  LogHandshakesAsRefusals();
  FS_ASSIGN_OR_RETURN(config.credentials, MakeServerCredentials(*authority_, check));
  config.verifier = verifier_.get();
  config.sign = [this](std::string_view host, std::string_view request) {
    return authority_->SignRequest(request, host);
  };
  return absl::OkStatus();
}

void Service::Reload() {
  Notify(ReloadingState());
  StatusOr<ServedFleet> fleet = options_.load_fleet();
  if (fleet.ok()) {
    log_->info("the inventory was read again: {} hosts", fleet->hosts.size());
    fleet_.Set(*std::move(fleet));
    server_->OnFleetChanged();
    tunnels_.reset();
    if (options_.tunnels) tunnels_ = options_.tunnels(bound_);
  } else {
    log_->error("the inventory is as it was before: {}", Printable(Message(fleet.status())));
  }
  Notify("READY=1");
}

// Only while the store's thread goes round: what hangs there is for the service manager to end.
void Service::FeedWatchdog() {
  if (!heartbeat_->exchange(false)) return;
  Notify("WATCHDOG=1");
  store_.Run([](db::Writer&) { return absl::OkStatus(); },
             [beat = heartbeat_](const Status&) { *beat = true; });
}

// About once a minute, on the writer's thread: its reports wait for it.
void Service::Maintain() {
  const MonoTime now = ReadClocks().mono;
  if (now - maintained_ < (maintain_soon_ ? kTurn : kMaintenanceInterval)) return;
  maintained_ = now;
  malloc_trim(0);  // what handshakes and batches have left
  const auto more = std::make_shared<bool>(false);
  store_.Run(
      [more](db::Writer& writer) -> Status {
        FS_ASSIGN_OR_RETURN(const db::Maintained done, writer.Maintain(ReadSystemClock()));
        *more = done.more;
        return absl::OkStatus();
      },
      [this, more](const Status& status) {
        if (!status.ok() && !absl::IsCancelled(status))
          log_->warn("tidying the store: {}", Printable(Message(status)));
        maintain_soon_ = *more;
      });
}

void Service::RunUntil(const std::atomic<bool>& stop, const ServiceSignals& signals) {
  const Duration watchdog = WatchdogInterval() / 2;
  const Duration turn = watchdog > Duration::zero() ? std::min(watchdog, kTurn) : kTurn;
  for (;;) {
    switch (signals.Wait(failure_.event(), stop, turn)) {
      case ServiceSignals::Woken::kStop:
      case ServiceSignals::Woken::kFailed:
        return;
      case ServiceSignals::Woken::kReload:
        Reload();
        break;
      case ServiceSignals::Woken::kTime:
        break;
    }
    if (watchdog > Duration::zero()) FeedWatchdog();
    Maintain();
  }
}

Status Service::Stop() {
  Notify("STOPPING=1");
  log_->info("stopping");
  relay_.reset();
  prober_.reset();
  tunnels_.reset();
  server_->Stop();
  socket_->Stop();
  store_.Stop();
  return failure_.status();
}

}  // namespace

Status Serve(const ServeOptions& options, const std::atomic<bool>& stop) {
  FS_ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(options.listen));
  if (Plain(options)) FS_RETURN_IF_ERROR(CheckPlainText(address, options.plain_text));
  FS_ASSIGN_OR_RETURN(ServedFleet fleet, options.load_fleet());
  FS_ASSIGN_OR_RETURN(std::unique_ptr<db::Writer> writer, db::Writer::Open(options.db_path));
  RaiseDescriptorLimit();
  // A thousand handshakes on twenty threads would leave twenty heaps of holes behind.
  mallopt(M_ARENA_MAX, 2);
  OfferStandardServices();
  const ServiceSignals signals;
  Service service(options, std::move(writer), std::move(fleet));
  FS_RETURN_IF_ERROR(service.Start(address));
  service.RunUntil(stop, signals);
  return service.Stop();
}

}  // namespace fleetsync::serve
