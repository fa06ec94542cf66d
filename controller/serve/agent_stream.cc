#include "controller/serve/agent_stream.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <random>
#include <utility>

#include "base/clock_read.h"
#include "base/overloaded.h"
#include "base/text.h"
#include "controller/ca/peer.h"
#include "controller/serve/server_credentials.h"
#include "fmt/format.h"

namespace fleetsync::serve {
namespace {

// Reports of one stream that are on their way to the disk; reading stops beyond it, and HTTP/2's
// flow control holds the agent.
constexpr size_t kWindow = 64;
constexpr Duration kCheckInterval = std::chrono::seconds(5);  // of a certificate
constexpr size_t kMaxCommands = 16;                           // that wait to be written
constexpr int kMaxCertificates = 16;                          // of one stream

// Whom the certificate names, which the credentials have checked. Who is nobody all the same
// speaks for no host.
std::optional<ca::Peer> Proven(const grpc::CallbackServerContext& context,
                               const StreamSurroundings& around) {
  if (around.verifier == nullptr) return std::nullopt;
  return PeerOf(context).value_or(ca::Peer{});
}

using Reactor = grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>;

uint64_t RandomSeed() {
  std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

// At most one read and one write in flight.
class AgentStream final : public Reactor,
                          public AgentLink,
                          public std::enable_shared_from_this<AgentStream> {
 public:
  AgentStream(grpc::CallbackServerContext& context, const StreamSurroundings& around)
      : around_(around),
        context_(context),
        fleet_(around.fleet.Get()),
        session_(fleet_->names),
        peer_(context.peer()),
        proven_(Proven(context, around)),
        begun_(ReadClocks().mono),
        checked_(begun_) {}

  void Begin() { StartRead(&request_); }

  // AgentLink
  void End(const Status& why) override {
    const MutexLock lock(mutex_);
    if (!end_) end_ = ToGrpc(why);
    Continue();
  }
  void Cancel() override {
    const MutexLock lock(mutex_);
    if (!done_) context_.TryCancel();
  }
  void Send(const v1::Command& command) override {
    const MutexLock lock(mutex_);
    if (commands_.size() < kMaxCommands) commands_.push_back(command);
    Continue();
  }
  void OnTick(Now now) override;

  // Reactor
  void OnReadDone(bool ok) override;
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
  void OnDone() override;

 private:
  Status OnMessage(const Now& now);
  Status OnArrival(db::Arrival arrival);
  Status OnCertificateWanted(const CertificateWanted& wanted);
  void OnStamps(const Now& now, const HostStamps& stamps);
  void Store(Storable storable, size_t reports);
  void OnStored(size_t reports, uint64_t through);
  void Refuse(const Status& status);
  void CheckPeer(const Now& now) FS_REQUIRES(mutex_);
  void ReadOn() FS_REQUIRES(mutex_);
  void Continue() FS_REQUIRES(mutex_);
  bool FillResponse() FS_REQUIRES(mutex_);
  void EndNow(const grpc::Status& status) FS_REQUIRES(mutex_);

  const StreamSurroundings& around_;
  grpc::CallbackServerContext& context_;
  const std::shared_ptr<const ServedFleet> fleet_;
  IngestSession session_;  // reactions of reads alone
  int certificates_ = 0;   // theirs too: that were signed
  const std::string peer_;
  const std::optional<ca::Peer> proven_;  // by the certificate; nothing in plain text
  const MonoTime begun_;
  v1::StreamRequest request_;
  v1::StreamResponse response_;
  Mutex mutex_;
  size_t uncommitted_ FS_GUARDED_BY(mutex_) = 0;
  bool introduced_ FS_GUARDED_BY(mutex_) = false;
  bool paused_ FS_GUARDED_BY(mutex_) = false;  // no read in flight, and one is wanted
  bool writing_ FS_GUARDED_BY(mutex_) = false;
  bool half_closed_ FS_GUARDED_BY(mutex_) = false;
  bool cancelled_ FS_GUARDED_BY(mutex_) = false;
  bool finished_ FS_GUARDED_BY(mutex_) = false;
  bool done_ FS_GUARDED_BY(mutex_) = false;
  MonoTime checked_ FS_GUARDED_BY(mutex_);  // the certificate, the last time
  bool renewal_told_ FS_GUARDED_BY(mutex_) = false;
  MonoTime write_begun_ FS_GUARDED_BY(mutex_);
  std::optional<grpc::Status> end_ FS_GUARDED_BY(mutex_);
  std::optional<uint64_t> welcome_ FS_GUARDED_BY(mutex_);
  std::optional<uint64_t> acknowledge_ FS_GUARDED_BY(mutex_);
  std::optional<std::string> certificate_ FS_GUARDED_BY(mutex_);
  std::deque<v1::Command> commands_ FS_GUARDED_BY(mutex_);
  std::optional<StreamClock> clock_ FS_GUARDED_BY(mutex_);  // once welcomed
  bool question_due_ FS_GUARDED_BY(mutex_) = false;
};

void AgentStream::OnReadDone(bool ok) {
  if (!ok) {
    const MutexLock lock(mutex_);
    half_closed_ = true;
    Continue();
    return;
  }
  if (const Status status = OnMessage(ReadClocks()); !status.ok()) return Refuse(status);
  const MutexLock lock(mutex_);
  paused_ = true;
  ReadOn();
}

Status AgentStream::OnMessage(const Now& now) {
  if (request_.has_hello() && proven_)
    FS_RETURN_IF_ERROR(ca::MaySpeakFor(*proven_, request_.hello().host()));
  FS_ASSIGN_OR_RETURN(Accepted accepted, session_.OnMessage(request_, now.system));
  return std::visit(
      Overloaded{[&](db::Arrival&& arrival) { return OnArrival(std::move(arrival)); },
                 [&](Reports&& reports) {
                   const size_t count = reports.size();
                   Store(std::move(reports), count);
                   return absl::OkStatus();
                 },
                 [&](HostStamps&& stamps) {
                   OnStamps(now, stamps);
                   return absl::OkStatus();
                 },
                 [&](v1::CommandResult&& result) {
                   around_.agents.OnResult(session_.host(), result);
                   return absl::OkStatus();
                 },
                 [&](CertificateWanted&& wanted) { return OnCertificateWanted(wanted); }},
      std::move(accepted));
}

Status AgentStream::OnArrival(db::Arrival arrival) {
  const std::string& host = session_.host();
  {
    const MutexLock lock(mutex_);
    introduced_ = true;
  }
  around_.acceptor.OnIntroduced(peer_);
  around_.log.info("{}: agent connected from {}", Printable(host), peer_);
  if (const auto older = around_.agents.Introduce(host, shared_from_this())) {
    around_.log.warn("{}: a second stream, from {}, replaces the older one", Printable(host),
                     peer_);
    older->End(absl::AbortedError(
        fmt::format("host '{}' has opened another stream, from {}", host, peer_)));
  }
  Store(std::move(arrival), 0);
  return absl::OkStatus();
}

Status AgentStream::OnCertificateWanted(const CertificateWanted& wanted) {
  const std::string& host = session_.host();
  if (!around_.sign)
    return absl::FailedPreconditionError(
        "this controller has no certificate authority: its connections are in plain text");
  if (++certificates_ > kMaxCertificates)
    return absl::ResourceExhaustedError(fmt::format(
        "host '{}' wants more than {} certificates on one stream", host, kMaxCertificates));
  FS_ASSIGN_OR_RETURN(std::string chain, around_.sign(host, wanted.request_der));
  around_.log.info("{}: a new certificate was signed", Printable(host));
  const MutexLock lock(mutex_);
  certificate_ = std::move(chain);
  Continue();
  return absl::OkStatus();
}

void AgentStream::OnStamps(const Now& now, const HostStamps& stamps) {
  std::optional<ClockEstimate> estimate;
  {
    const MutexLock lock(mutex_);
    if (!clock_) return;
    estimate = clock_->OnAnswer(now, stamps);
    question_due_ = clock_->due() <= now.mono;
    Continue();
  }
  if (estimate && around_.on_measured) around_.on_measured(session_.host(), *estimate);
}

void AgentStream::OnTick(Now now) {
  const MutexLock lock(mutex_);
  if (done_ || finished_) return;
  if (!introduced_ && now.mono - begun_ > around_.limits.patience && !end_) {
    end_ = grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "no Hello on this stream in time");
    Continue();
  }
  if (proven_ && now.mono - checked_ > kCheckInterval) CheckPeer(now);
  if (writing_ && now.mono - write_begun_ > around_.limits.reading_patience) context_.TryCancel();
  if (clock_ && clock_->due() <= now.mono) {
    question_due_ = true;
    Continue();
  }
}

// A certificate is revoked or expires while its stream is open.
void AgentStream::CheckPeer(const Now& now) {
  checked_ = now.mono;
  const Status good = around_.verifier->StillGood(*proven_, now.system);
  if (!good.ok()) {
    around_.log.warn("{}: the stream from {} ends: {}", Printable(proven_->name), peer_,
                     Printable(Message(good)));
    if (!end_) end_ = ToGrpc(good);
    return Continue();
  }
  if (!introduced_ || renewal_told_ || !around_.verifier->RenewalDue(*proven_, now.system)) return;
  renewal_told_ = true;
  v1::Command& renew = commands_.emplace_back();
  renew.set_id(RandomSeed());  // nobody waits for what comes of it but the new certificate
  renew.mutable_renew_certificate();
  Continue();
}

void AgentStream::OnDone() {
  bool introduced = false;
  {
    const MutexLock lock(mutex_);
    done_ = true;
    introduced = introduced_;
  }
  around_.acceptor.OnStreamOver(peer_);
  if (introduced) {
    around_.acceptor.OnEnded(peer_);
    around_.log.info("{}: agent at {} disconnected", Printable(session_.host()), peer_);
  }
  around_.agents.Remove(shared_from_this(), introduced ? session_.host() : "");
}

void AgentStream::Refuse(const Status& status) {
  if (around_.log_limit.Allow(ReadClocks().mono))
    around_.log.warn("refused the stream from {}: {}{}", peer_, Printable(Message(status)),
                     around_.log_limit.LeftOut());
  End(status);
}

// `reports`: how many it is; 0: an arrival.
void AgentStream::Store(Storable storable, size_t reports) {
  {
    const MutexLock lock(mutex_);
    uncommitted_ += std::max<size_t>(reports, 1);
  }
  around_.store.Add(std::move(storable), [self = shared_from_this(), reports](uint64_t through) {
    self->OnStored(reports, through);
  });
}

void AgentStream::OnStored(size_t reports, uint64_t through) {
  const MutexLock lock(mutex_);
  uncommitted_ -= std::max<size_t>(reports, 1);
  if (reports > 0) {
    acknowledge_ = std::max(acknowledge_.value_or(0), through);
  } else {
    welcome_ = through;
    clock_.emplace(ReadClocks().mono, RandomSeed());
  }
  ReadOn();
  Continue();
}

void AgentStream::ReadOn() {
  if (!paused_ || finished_ || uncommitted_ >= kWindow) return;
  paused_ = false;
  StartRead(&request_);
}

// Starts the write or the end that is due, when none is in flight.
void AgentStream::Continue() {
  if (finished_ || writing_) return;
  if (cancelled_) return EndNow(grpc::Status::CANCELLED);
  if (end_) return EndNow(*end_);
  response_.Clear();
  if (FillResponse()) {
    writing_ = true;
    write_begun_ = ReadClocks().mono;
    StartWrite(&response_);
  } else if (half_closed_ && uncommitted_ == 0) {
    EndNow(grpc::Status::OK);
  }
}

// False: there is nothing to say.
bool AgentStream::FillResponse() {
  if (welcome_) {
    response_.mutable_welcome()->set_stored_through(*std::exchange(welcome_, std::nullopt));
    response_.mutable_welcome()->set_most_reports(kMostReports);
  } else if (acknowledge_) {
    response_.mutable_acknowledgement()->set_through(*std::exchange(acknowledge_, std::nullopt));
  } else if (!commands_.empty()) {
    *response_.mutable_command() = std::move(commands_.front());
    commands_.pop_front();
  } else if (certificate_) {
    *response_.mutable_certificate()->mutable_chain_pem() = *std::move(certificate_);
    certificate_.reset();
  } else if (question_due_ && !half_closed_) {
    question_due_ = false;
    response_.mutable_time_question()->set_id(clock_->Ask(ReadClocks()));
  } else {
    return false;
  }
  return true;
}

void AgentStream::EndNow(const grpc::Status& status) {
  finished_ = true;
  Finish(status);
}

}  // namespace

grpc::Status ToGrpc(const Status& status) {
  // Both enumerations have the same numbers (absl/status/status.h).
  return {static_cast<grpc::StatusCode>(status.code()), Message(status)};
}

Reactor* BeginAgentStream(grpc::CallbackServerContext& context, const StreamSurroundings& around) {
  auto stream = std::make_shared<AgentStream>(context, around);
  around.acceptor.OnStream(context.peer());
  around.agents.Add(stream);
  stream->Begin();
  return stream.get();
}

}  // namespace fleetsync::serve
