#include "agent/report/grpc_link.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <thread>
#include <utility>

#include "agent/report/channel_credentials.h"
#include "agent/report/identity.h"
#include "agent/report/text_dictionary.h"
#include "base/clock_read.h"
#include "base/mutex.h"
#include "fmt/format.h"
#include "proto/fleetsync/v1/fleet.grpc.pb.h"

namespace fleetsync::report {
namespace {

// Of the controller's questions that wait to be answered.
constexpr size_t kMostAnswers = 16;
// Of reports in one message, as far as they are known before their texts are shortened; the
// controller takes 64 kB.
constexpr size_t kMostBytes = 32 * 1024;

struct Stream;

enum class Step { kStart, kRead, kWrite, kFinish };

// What the completion queue gives back.
struct Tag {
  Stream* stream;
  Step step;
};

struct Completion {
  Tag* tag;
  bool ok;
  SystemTime at;  // when it was heard of
};

// Everything of one call; lives until gRPC holds none of its tags.
struct Stream {
  grpc::ClientContext context;
  std::unique_ptr<v1::FleetService::Stub> stub;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::StreamRequest, v1::StreamResponse>> call;
  v1::StreamRequest request;
  v1::StreamResponse response;
  grpc::Status status;
  std::deque<v1::StreamRequest> urgent;
  std::deque<v1::StreamRequest> reports;
  TextDictionary texts;
  Tag start{this, Step::kStart};
  Tag read{this, Step::kRead};
  Tag write{this, Step::kWrite};
  Tag finish{this, Step::kFinish};
  int pending = 0;
  bool writing = false;
  bool welcomed = false;
  uint32_t most_reports = 0;  // of one message
  bool finishing = false;
  bool abandoned = false;
};

v1::StreamRequest TakeFront(std::deque<v1::StreamRequest>& queue) {
  v1::StreamRequest request = std::move(queue.front());
  queue.pop_front();
  return request;
}

// The oldest report, or with it as many as may go together.
v1::StreamRequest TakeReports(Stream& stream) {
  std::deque<v1::StreamRequest>& queue = stream.reports;
  const size_t most = std::min<size_t>(stream.most_reports, queue.size());
  if (most < 2) {
    v1::StreamRequest request = TakeFront(queue);
    stream.texts.Shorten(*request.mutable_report());
    return request;
  }
  v1::StreamRequest request;
  v1::Reports& together = *request.mutable_reports();
  size_t bytes = 0;
  while (static_cast<size_t>(together.reports_size()) < most) {
    bytes += queue.front().ByteSizeLong();
    if (together.reports_size() > 0 && bytes > kMostBytes) break;
    v1::Report& report = *together.add_reports();
    report.Swap(queue.front().mutable_report());
    queue.pop_front();
    stream.texts.Shorten(report);
  }
  return request;
}

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  ExpectController(arguments);  // of no meaning in plain text
  // A shared subchannel would bring its back-off timer, set by another day's clock, with it.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(64 * 1024);
  return arguments;
}

StatusOr<std::shared_ptr<grpc::ChannelCredentials>> CredentialsFrom(const std::string& tls_folder) {
  if (tls_folder.empty()) return grpc::InsecureChannelCredentials();
  FS_ASSIGN_OR_RETURN(const Identity identity, ReadIdentity(tls_folder));
  return MakeChannelCredentials(identity);
}

class GrpcLinkOnQueue final : public GrpcLink {
 public:
  GrpcLinkOnQueue(GrpcLinkConfig config, int read_fd, int write_fd)
      : config_(std::move(config)), read_fd_(read_fd), write_fd_(write_fd) {
    waiter_ = std::thread([this] { Wait(); });
  }

  ~GrpcLinkOnQueue() override {
    Disconnect();
    // Cancelled calls end without a timer; the queue gives back every tag before it ends.
    while (!streams_.empty()) {
      HandleCompletions();
      std::this_thread::yield();
    }
    queue_.Shutdown();
    waiter_.join();
    close(read_fd_);
    close(write_fd_);
  }

  int fd() const override { return read_fd_; }
  void Connect() override;
  void Send(v1::StreamRequest request) override;
  void Disconnect() override;
  std::vector<LinkEvent> Take() override {
    HandleCompletions();
    return std::exchange(events_, {});
  }

 private:
  void Wait();
  void Wake();
  void HandleCompletions();
  void OnCompletion(Stream& stream, const Completion& completion);
  void OnMessage(Stream& stream, SystemTime received);
  void AnswerTime(Stream& stream, SystemTime received);
  void Read(Stream& stream);
  void Write(Stream& stream, v1::StreamRequest request);
  void WriteNext(Stream& stream);
  void Fail(Stream& stream);
  void Release(Stream& stream);

  const GrpcLinkConfig config_;
  const int read_fd_;
  const int write_fd_;
  grpc::CompletionQueue queue_;
  std::thread waiter_;
  std::vector<std::unique_ptr<Stream>> streams_;  // the current one and abandoned ones
  Stream* current_ = nullptr;
  std::vector<LinkEvent> events_;
  Mutex mutex_;
  std::vector<Completion> completions_ FS_GUARDED_BY(mutex_);
};

void GrpcLinkOnQueue::Wake() {
  const char byte = 0;
  static_cast<void>(!write(write_fd_, &byte, 1));  // a full pipe already wakes the loop
}

void GrpcLinkOnQueue::Wait() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
    const SystemTime now = ReadSystemClock();
    MutexLock lock(mutex_);
    completions_.push_back({static_cast<Tag*>(tag), ok, now});
    Wake();
  }
}

void GrpcLinkOnQueue::HandleCompletions() {
  char bytes[64];
  while (read(read_fd_, bytes, sizeof bytes) > 0) {
  }
  std::vector<Completion> done;
  {
    MutexLock lock(mutex_);
    done.swap(completions_);
  }
  for (const Completion& completion : done) {
    Stream& stream = *completion.tag->stream;
    --stream.pending;
    if (!stream.abandoned) OnCompletion(stream, completion);
    if (stream.pending == 0) Release(stream);
  }
}

void GrpcLinkOnQueue::Release(Stream& stream) {
  if (current_ == &stream) current_ = nullptr;
  std::erase_if(streams_, [&](const auto& s) { return s.get() == &stream; });
}

void GrpcLinkOnQueue::Connect() {
  Disconnect();
  const auto credentials = CredentialsFrom(config_.tls_folder);
  if (!credentials.ok()) {
    events_.push_back(Broken{Message(credentials.status())});
    Wake();
    return;
  }
  auto stream = std::make_unique<Stream>();
  stream->stub = v1::FleetService::NewStub(
      grpc::CreateCustomChannel(config_.controller, *credentials, Arguments()));
  stream->call = stream->stub->PrepareAsyncStream(&stream->context, &queue_);
  ++stream->pending;
  stream->call->StartCall(&stream->start);
  current_ = stream.get();
  streams_.push_back(std::move(stream));
}

void GrpcLinkOnQueue::Disconnect() {
  events_.clear();
  if (current_ == nullptr) return;
  current_->abandoned = true;
  current_->context.TryCancel();
  current_ = nullptr;
}

void GrpcLinkOnQueue::Send(v1::StreamRequest request) {
  if (current_ == nullptr) return;
  (request.has_report() ? current_->reports : current_->urgent).push_back(std::move(request));
  WriteNext(*current_);
}

void GrpcLinkOnQueue::Read(Stream& stream) {
  ++stream.pending;
  stream.call->Read(&stream.response, &stream.read);
}

void GrpcLinkOnQueue::Write(Stream& stream, v1::StreamRequest request) {
  stream.request = std::move(request);
  stream.writing = true;
  ++stream.pending;
  stream.call->Write(stream.request, &stream.write);
}

void GrpcLinkOnQueue::WriteNext(Stream& stream) {
  if (!stream.welcomed || stream.writing || stream.finishing) return;
  if (stream.urgent.empty() && stream.reports.empty()) return;
  v1::StreamRequest request =
      stream.urgent.empty() ? TakeReports(stream) : TakeFront(stream.urgent);
  if (request.has_time_answer())
    request.mutable_time_answer()->set_sent_ns(ReadSystemClock().time_since_epoch().count());
  Write(stream, std::move(request));
}

void GrpcLinkOnQueue::Fail(Stream& stream) {
  if (std::exchange(stream.finishing, true)) return;
  ++stream.pending;
  stream.call->Finish(&stream.status, &stream.finish);
}

void GrpcLinkOnQueue::AnswerTime(Stream& stream, SystemTime received) {
  if (stream.urgent.size() >= kMostAnswers) return;  // somebody asks and does not listen
  v1::StreamRequest request;
  v1::TimeAnswer& answer = *request.mutable_time_answer();
  answer.set_id(stream.response.time_question().id());
  answer.set_received_ns(received.time_since_epoch().count());
  stream.urgent.push_back(std::move(request));
  WriteNext(stream);
}

void GrpcLinkOnQueue::OnMessage(Stream& stream, SystemTime received) {
  switch (stream.response.message_case()) {
    case v1::StreamResponse::kWelcome:
      stream.welcomed = true;
      stream.most_reports = stream.response.welcome().most_reports();
      events_.push_back(Welcomed{stream.response.welcome().stored_through()});
      break;
    case v1::StreamResponse::kAcknowledgement:
      events_.push_back(Acknowledged{stream.response.acknowledgement().through()});
      break;
    case v1::StreamResponse::kTimeQuestion:
      AnswerTime(stream, received);
      break;
    case v1::StreamResponse::kCommand:
      events_.push_back(Commanded{stream.response.command()});
      break;
    case v1::StreamResponse::kCertificate:
      events_.push_back(Certified{stream.response.certificate().chain_pem()});
      break;
    case v1::StreamResponse::MESSAGE_NOT_SET:
      break;  // of a newer controller
  }
}

void GrpcLinkOnQueue::OnCompletion(Stream& stream, const Completion& completion) {
  const Step step = completion.tag->step;
  if (step == Step::kFinish) {
    const std::string& text = stream.status.error_message();
    events_.push_back(Broken{text.empty() ? "the controller ended the stream" : text});
    return;
  }
  if (step == Step::kWrite) stream.writing = false;
  if (!completion.ok) return Fail(stream);
  switch (step) {
    case Step::kStart: {
      v1::StreamRequest request;
      *request.mutable_hello() = config_.hello;
      Write(stream, std::move(request));
      Read(stream);
      return;
    }
    case Step::kRead:
      OnMessage(stream, completion.at);
      Read(stream);
      return;
    case Step::kWrite:
      WriteNext(stream);
      return;
    case Step::kFinish:
      return;
  }
}

}  // namespace

StatusOr<std::unique_ptr<GrpcLink>> GrpcLink::Create(GrpcLinkConfig config) {
  SilenceHandshakes();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoStatus(errno, "opening a pipe");
  return std::unique_ptr<GrpcLink>(
      std::make_unique<GrpcLinkOnQueue>(std::move(config), ends[0], ends[1]));
}

}  // namespace fleetsync::report
