#include "controller/serve/operator_client.h"

#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <thread>

#include "base/mutex.h"
#include "base/text.h"
#include "controller/serve/operator_socket.h"
#include "fmt/format.h"
#include "proto/fleetsync/v1/operator.grpc.pb.h"
#include "proto/tls/names.h"

namespace fleetsync::serve {
namespace {

constexpr int kMaxAnswerBytes = 256 << 20;

// One call, cancelled when its time is up: gRPC's own deadlines are on CLOCK_REALTIME, which this
// product sets.
class Call {
 public:
  explicit Call(Duration patience) : thread_([this, patience] { Run(patience); }) {}
  ~Call() { End(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  grpc::ClientContext& context() { return context_; }
  // The call is over.
  Status Result(const grpc::Status& status, const std::string& asked) {
    End();
    if (status.ok()) return absl::OkStatus();
    if (late_) return absl::DeadlineExceededError(fmt::format("no answer from {} in time", asked));
    const std::string text = fmt::format("{}: {}", asked, Printable(status.error_message()));
    return {static_cast<absl::StatusCode>(status.error_code()), text};
  }

 private:
  void Run(Duration patience) {
    const MutexLock lock(mutex_);
    ended_.wait_for(mutex_, patience, [this]() FS_REQUIRES(mutex_) { return over_; });
    if (over_) return;
    late_ = true;
    context_.TryCancel();
  }
  void End() {
    {
      const MutexLock lock(mutex_);
      over_ = true;
    }
    ended_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  grpc::ClientContext context_;
  Mutex mutex_;
  std::condition_variable_any ended_;
  bool over_ FS_GUARDED_BY(mutex_) = false;
  bool late_ = false;  // the thread's, then read after its end
  std::thread thread_;
};

class GrpcOperatorClient final : public OperatorClient {
 public:
  GrpcOperatorClient(const std::string& target, std::string asked,
                     const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                     Duration patience)
      : asked_(std::move(asked)), patience_(patience) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
    arguments.SetSslTargetNameOverride(tls::kControllerName);  // whatever its address is
    stub_ = v1::OperatorService::NewStub(grpc::CreateCustomChannel(target, credentials, arguments));
  }

  StatusOr<v1::GetFleetResponse> GetFleet() override {
    Call call(patience_);
    v1::GetFleetResponse response;
    FS_RETURN_IF_ERROR(call.Result(stub_->GetFleet(&call.context(), {}, &response), asked_));
    return response;
  }

  StatusOr<v1::GetHistoryResponse> GetHistory(const v1::GetHistoryRequest& request) override {
    Call call(patience_);
    v1::GetHistoryResponse response;
    FS_RETURN_IF_ERROR(call.Result(stub_->GetHistory(&call.context(), request, &response), asked_));
    return response;
  }

  Status SyncHosts(const v1::SyncHostsRequest& request,
                   const std::function<void(const v1::SyncHostsResponse&)>& on_answer) override {
    Call call(patience_ + std::chrono::milliseconds(request.wait_ms()));
    const auto reader = stub_->SyncHosts(&call.context(), request);
    v1::SyncHostsResponse response;
    while (reader->Read(&response)) on_answer(response);
    return call.Result(reader->Finish(), asked_);
  }

  Status RecordRun(std::string_view run_json) override {
    Call call(patience_);
    v1::RecordRunRequest request;
    request.set_run_json(std::string(run_json));
    v1::RecordRunResponse response;
    return call.Result(stub_->RecordRun(&call.context(), request, &response), asked_);
  }

 private:
  const std::string asked_;
  const Duration patience_;
  std::unique_ptr<v1::OperatorService::Stub> stub_;
};

// Whether a service listens: gRPC itself would try again and again.
Status CheckListening(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::NotFoundError(fmt::format("{} is too long for a socket", path));
  memcpy(address.sun_path, path.c_str(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoStatus(errno, "asking " + path);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  close(fd);
  if (connected) return absl::OkStatus();
  if (error == ENOENT || error == ECONNREFUSED)
    return absl::NotFoundError(fmt::format("no fleetsync serve answers on {}", path));
  return ErrnoStatus(error, "asking " + path);
}

}  // namespace

StatusOr<std::unique_ptr<OperatorClient>> OperatorClient::Local(const std::string& db_path,
                                                                Duration patience) {
  const std::string path = OperatorSocketPath(db_path);
  FS_RETURN_IF_ERROR(CheckListening(path));
  return std::make_unique<GrpcOperatorClient>("unix:" + path, "fleetsync serve at " + path,
                                              grpc::InsecureChannelCredentials(), patience);
}

std::unique_ptr<OperatorClient> OperatorClient::Remote(
    const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    Duration patience) {
  return std::make_unique<GrpcOperatorClient>(address, "controller " + address, credentials,
                                              patience);
}

}  // namespace fleetsync::serve
