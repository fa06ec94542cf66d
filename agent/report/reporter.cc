#include "agent/report/reporter.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/report/channel_credentials.h"
#include "agent/report/command_relay.h"
#include "agent/report/grpc_link.h"
#include "agent/report/identity.h"
#include "agent/report/local_message.h"
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

StatusOr<v1::Hello> MakeHello(const ReporterConfig& config) {
  FS_ASSIGN_OR_RETURN(const std::string spool_id, SpoolReader(config.spool_folder).Id());
  v1::Hello hello;
  hello.set_host(config.host);
  hello.set_spool_id(spool_id);
  hello.set_clock_controlled(config.clock_controlled);
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
  bool TellTimeProcess(const LocalMessage& message);
  void OnCommand(const v1::Command& command);
  void TellResult(v1::CommandResult result);
  void RenewWhenDue(Now now);
  void BeginRenewal(uint64_t command);
  void FinishRenewal(const std::string& chain_pem);
  void EndRenewal(const Status& status);
  void LogOnce(const std::string& line);

  const ReporterConfig& config_;
  std::unique_ptr<GrpcLink> link_;
  SpoolReader reader_;
  Uplink uplink_;
  CommandRelay commands_;
  std::optional<Renewal> renewal_;  // asked for, and not yet answered
  uint64_t renewal_command_ = 0;    // that asked for it; 0: nobody did
  uint64_t acknowledged_ = 0;       // by the controller
  uint64_t told_ = 0;               // to the time process
  bool settled_ = false;
  std::string last_line_;  // a controller that is away is told once, not at every attempt
};

void Reporter::LogOnce(const std::string& line) {
  if (std::exchange(last_line_, line) != line) config_.log(line);
}

void Reporter::TellAcknowledged() {
  if (told_ == acknowledged_) return;
  if (TellTimeProcess({.kind = LocalMessage::Kind::kAcknowledged, .number = acknowledged_}))
    told_ = acknowledged_;
}

// False: the socket is full, and can be written to later; a closed one ends Run by its reading
// side.
bool Reporter::TellTimeProcess(const LocalMessage& message) {
  const ssize_t sent = send(config_.socket, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent == sizeof message;
}

void Reporter::OnCommand(const v1::Command& command) {
  if (command.has_renew_certificate()) return BeginRenewal(command.id());
  if (const auto refusal = CommandRelay::Refusal(command)) return TellResult(*refusal);
  const auto message = commands_.ToTimeProcess(command);
  if (!message || TellTimeProcess(*message)) return;
  v1::CommandResult busy;
  busy.set_id(command.id());
  busy.set_outcome(v1::COMMAND_OUTCOME_FAILED);
  busy.set_text("the agent's time process is busy");
  TellResult(busy);
}

void Reporter::RenewWhenDue(Now now) {
  if (config_.tls_folder.empty()) return;
  const auto identity = ReadIdentity(config_.tls_folder);
  if (identity.ok() && RenewalDue(now.system, identity->expires)) BeginRenewal(0);
}

void Reporter::BeginRenewal(uint64_t command) {
  renewal_command_ = command;
  StatusOr<Renewal> renewal = config_.tls_folder.empty()
                                  ? absl::FailedPreconditionError("this agent reports without TLS")
                                  : Renewal::Begin();
  if (!renewal.ok()) return EndRenewal(renewal.status());
  renewal_ = *std::move(renewal);
  v1::StreamRequest request;
  request.mutable_certificate_request()->set_request_der(renewal_->request_der());
  link_->Send(std::move(request));
}

void Reporter::FinishRenewal(const std::string& chain_pem) {
  if (!renewal_) return;  // nobody asked for it
  const Status stored = renewal_->Store(config_.tls_folder, chain_pem);
  renewal_.reset();
  EndRenewal(stored);
}

void Reporter::EndRenewal(const Status& status) {
  config_.log(status.ok() ? "this host's certificate was renewed"
                          : fmt::format("renewing this host's certificate: {}", Message(status)));
  if (renewal_command_ == 0) return;
  v1::CommandResult result;
  result.set_id(std::exchange(renewal_command_, 0));
  result.set_outcome(status.ok() ? v1::COMMAND_OUTCOME_DONE : v1::COMMAND_OUTCOME_FAILED);
  if (!status.ok()) result.set_text(Message(status));
  TellResult(std::move(result));
}

void Reporter::TellResult(v1::CommandResult result) {
  v1::StreamRequest request;
  *request.mutable_command_result() = std::move(result);
  link_->Send(std::move(request));
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
      v1::StreamRequest request;
      *request.mutable_report() = *std::move(report);
      link_->Send(std::move(request));
    }
  }
  Perform(uplink_.OnRead(ReadClocks(), range.last, found));
}

void Reporter::Perform(UplinkActions actions) {
  for (const UplinkAction& action : actions) {
    std::visit(Overloaded{
                   [&](const Connect&) { link_->Connect(); },
                   [&](const Disconnect& disconnect) {
                     LogOnce(disconnect.clock_stepped
                                 ? "the clock was stepped: connecting to the controller anew"
                                 : fmt::format("no answer from controller {}; trying again",
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
    std::visit(Overloaded{
                   [&](const Welcomed& welcome) {
                     LogOnce(fmt::format("reporting to {}", config_.controller));
                     Perform(uplink_.OnConnected(now, welcome.stored_through));
                     RenewWhenDue(now);
                   },
                   [&](const Acknowledged& ack) {
                     Perform(uplink_.OnAcknowledged(now, ack.through));
                     if (!std::exchange(settled_, true) && config_.on_settled) config_.on_settled();
                   },
                   [&](const Commanded& commanded) { OnCommand(commanded.command); },
                   [&](const Certified& certified) { FinishRenewal(certified.chain_pem); },
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
    LocalMessage message;
    const ssize_t size = recv(config_.socket, &message, sizeof message, MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    if (size != sizeof message) continue;
    if (message.kind == LocalMessage::Kind::kSpooled)
      Perform(uplink_.OnSpooled(ReadClocks(), message.number));
    if (message.kind == LocalMessage::Kind::kResult)
      TellResult(CommandRelay::ToController(message));
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
  FS_ASSIGN_OR_RETURN(v1::Hello hello, MakeHello(config));
  FS_ASSIGN_OR_RETURN(auto link,
                      GrpcLink::Create({config.controller, std::move(hello), config.tls_folder}));
  return Reporter(config, std::move(link)).Run();
}

}  // namespace fleetsync::report
