#include "controller/serve/serve.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/file.h"
#include "base/mutex.h"
#include "base/text.h"
#include "controller/ca/authority.h"
#include "controller/serve/fleet_server.h"
#include "controller/serve/server_credentials.h"
#include "controller/serve/service_manager.h"
#include "controller/serve/store_writer.h"
#include "controller/ui/service_log.h"
#include "db/writer.h"
#include "fmt/format.h"

namespace fleetsync::serve {
namespace {

// Keeps the stop signals from the threads that start after it: they reach this thread alone, and
// only while it waits.
class BlockedStopSignals {
 public:
  BlockedStopSignals() {
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, &before_);
  }
  ~BlockedStopSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedStopSignals(const BlockedStopSignals&) = delete;
  BlockedStopSignals& operator=(const BlockedStopSignals&) = delete;

  // Until a signal has set `stop`, or `fd` is readable.
  void Wait(int fd, const std::atomic<bool>& stop) const {
    pollfd readable{.fd = fd, .events = POLLIN, .revents = 0};
    while (!stop && ppoll(&readable, 1, nullptr, &before_) < 0 && errno == EINTR) {
    }
  }

 private:
  sigset_t before_{};
};

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

void Notify(spdlog::logger& log, std::string_view state) {
  if (const Status status = NotifyServiceManager(state); !status.ok())
    log.warn("{}", Message(status));
}

StatusOr<std::shared_ptr<grpc::ServerCredentials>> CredentialsFrom(const std::string& ca_folder,
                                                                   spdlog::logger& log) {
  FS_ASSIGN_OR_RETURN(const auto authority, ca::Authority::OpenOrCreate(ca_folder));
  PeerCheck check{.verifier = nullptr,
                  .on_refused = [&log](const std::string& line) { log.warn("{}", line); }};
  FS_ASSIGN_OR_RETURN(check.verifier, authority->MakeVerifier());
  return MakeServerCredentials(*authority, std::move(check));
}

}  // namespace

Status Serve(const ServeOptions& options, const std::atomic<bool>& stop) {
  FS_ASSIGN_OR_RETURN(const ListenAddress address, ParseListenAddress(options.listen));
  const bool plain = options.plain_text.insecure || options.plain_text.insecure_network;
  if (plain) FS_RETURN_IF_ERROR(CheckPlainText(address, options.plain_text));
  FS_ASSIGN_OR_RETURN(const std::unique_ptr<db::Writer> writer, db::Writer::Open(options.db_path));

  const BlockedStopSignals signals;
  const std::shared_ptr<spdlog::logger> log = ui::MakeServiceLog("serve");
  FleetPort port{.address = address, .credentials = nullptr};
  if (!plain) {
    FS_ASSIGN_OR_RETURN(port.credentials, CredentialsFrom(options.ca_folder, *log));
  }
  Failure failure;
  StoreWriter store(*writer, EventsFor(*log, failure));
  FS_ASSIGN_OR_RETURN(const std::unique_ptr<FleetServer> server,
                      FleetServer::Start(port, options.hosts, store, *log));
  ListenAddress bound = address;
  bound.port = static_cast<uint16_t>(server->port());
  if (!options.port_file.empty())
    FS_RETURN_IF_ERROR(
        WriteFileAtomically(options.port_file, fmt::format("{}\n", bound.port), 0644));
  if (plain) log->warn("agents' connections are in plain text (--insecure)");
  log->info("taking reports of {} hosts on {} into {}", options.hosts.size(), bound.ToString(),
            writer->path());
  Notify(*log, "READY=1");

  signals.Wait(failure.event(), stop);
  Notify(*log, "STOPPING=1");
  log->info("stopping");
  server->Stop();
  store.Stop();
  return failure.status();
}

}  // namespace fleetsync::serve
