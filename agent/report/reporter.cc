#include "agent/report/reporter.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>

#include "agent/report/channel_credentials.h"
#include "agent/report/grpc_link.h"
#include "agent/report/report.h"
#include "agent/report/spool_reader.h"
#include "agent/report/uplink.h"
#include "base/clock_read.h"
#include "base/overloaded.h"
#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::report {
namespace {

constexpr size_t kReadAtOnce = 64;

int PollTimeout(MonoTime until, MonoTime now) {
  if (until == MonoTime::max()) return -1;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now);
  return static_cast<int>(std::clamp<int64_t>(wait.count(), 0, 3'600'000));
}

v1::Hello MakeHello(const std::string& host) {
  v1::Hello hello;
  hello.set_host(host);
  hello.set_agent_version(FLEETSYNC_VERSION);
  hello.set_boot_id(BootId());
  return hello;
}

// gRPC's "failed to connect to all addresses; last error: UNKNOWN: ipv4:…: Failed to connect to
// remote host: Connection refused", without what repeats the address.
std::string Reason(const std::string& text) {
  const std::string why = ExplainFailure(text);
  if (!why.starts_with("failed to connect to all addresses")) return why;
  const size_t last = why.rfind(": ");
  return last == std::string::npos ? why : why.substr(last + 2);
}

class Reporter {
 public:
  Reporter(const ReporterConfig& config, std::unique_ptr<GrpcLink> link)
      : config_(config),
        link_(std::move(link)),
        reader_(config.spool_folder),
        uplink_(config.seed) {}

  Status Run();

 private:
  void Perform(UplinkActions actions);
  void SendRange(const SendThrough& range);
  void OnLinkEvents();
  bool OnSocket();
  void TellAcknowledged();
  void LogOnce(const std::string& line);

  const ReporterConfig& config_;
  std::unique_ptr<GrpcLink> link_;
  SpoolReader reader_;
  Uplink uplink_;
  uint64_t acknowledged_ = 0;  // by the controller
  uint64_t told_ = 0;          // to the time process
  std::string last_line_;      // a controller that is away is told once, not at every attempt
};

void Reporter::LogOnce(const std::string& line) {
  if (std::exchange(last_line_, line) != line) config_.log(line);
}

void Reporter::TellAcknowledged() {
  if (told_ == acknowledged_) return;
  const SpoolMessage message{SpoolMessage::Kind::kAcknowledged, 0, acknowledged_};
  const ssize_t sent = send(config_.socket, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL);
  // A full socket: told when it can be written to again. A closed one ends Run by its reading side.
  if (sent == sizeof message) told_ = acknowledged_;
}

void Reporter::SendRange(const SendThrough& range) {
  uint64_t next = range.first;
  uint64_t found = 0;
  while (next <= range.last) {
    const auto records = reader_.Read(next, std::min<uint64_t>(kReadAtOnce, range.last - next + 1));
    if (!records.ok()) LogOnce(Message(records.status()));
    if (!records.ok() || records->empty()) break;
    next = records->back().sequence + 1;
    for (const SpoolRecord& record : *records) {
      if (record.sequence > range.last) break;
      auto report = ParseReport(record.payload, record.sequence);
      if (!report.ok()) continue;
      found = record.sequence;
      link_->Send(*std::move(report));
    }
  }
  Perform(uplink_.OnRead(ReadClocks(), range.last, found));
}

void Reporter::Perform(UplinkActions actions) {
  for (const UplinkAction& action : actions) {
    std::visit(Overloaded{
                   [&](const Connect&) { link_->Connect(); },
                   [&](const Disconnect&) {
                     LogOnce(fmt::format("no answer from controller {}; trying again",
                                         config_.controller));
                     link_->Disconnect();
                   },
                   [&](const Forget& forget) {
                     acknowledged_ = forget.through;
                     TellAcknowledged();
                   },
                   [&](const SendThrough& range) { SendRange(range); },
               },
               action);
  }
}

void Reporter::OnLinkEvents() {
  for (const LinkEvent& event : link_->Take()) {
    const Now now = ReadClocks();
    std::visit(
        Overloaded{
            [&](const Welcomed& welcome) {
              LogOnce(fmt::format("reporting to {}", config_.controller));
              Perform(uplink_.OnConnected(now, welcome.stored_through));
            },
            [&](const Acknowledged& ack) { Perform(uplink_.OnAcknowledged(now, ack.through)); },
            [&](const Broken& broken) {
              LogOnce(fmt::format("controller {}: {}; reports are kept and sent later",
                                  config_.controller, Printable(Reason(broken.why))));
              Perform(uplink_.OnBroken(now));
            },
        },
        event);
  }
}

// False: the time process is gone.
bool Reporter::OnSocket() {
  for (;;) {
    SpoolMessage message;
    const ssize_t size = recv(config_.socket, &message, sizeof message, MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    if (size == sizeof message && message.kind == SpoolMessage::Kind::kSpooled) {
      Perform(uplink_.OnSpooled(ReadClocks(), message.sequence));
    }
  }
}

Status Reporter::Run() {
  Perform(uplink_.Start(ReadClocks()));
  FS_ASSIGN_OR_RETURN(const uint64_t last, reader_.Last());
  Perform(uplink_.OnSpooled(ReadClocks(), last));
  while (!config_.stop_requested()) {
    const short socket_events = told_ == acknowledged_ ? POLLIN : POLLIN | POLLOUT;
    pollfd fds[] = {{config_.socket, socket_events, 0}, {link_->fd(), POLLIN, 0}};
    const int ready = poll(fds, 2, PollTimeout(uplink_.NextTimer(), ReadClocks().mono));
    if (ready < 0 && errno != EINTR) return ErrnoStatus(errno, "waiting for events");
    if (ready > 0 && fds[0].revents != 0 && !OnSocket()) break;
    if (ready > 0 && fds[1].revents != 0) OnLinkEvents();
    TellAcknowledged();
    Perform(uplink_.OnTimer(ReadClocks()));
  }
  link_->Disconnect();
  return absl::OkStatus();
}

}  // namespace

Status RunReporter(const ReporterConfig& config) {
  FS_ASSIGN_OR_RETURN(
      auto link, GrpcLink::Create({config.controller, MakeHello(config.host), config.tls_folder}));
  return Reporter(config, std::move(link)).Run();
}

}  // namespace fleetsync::report
