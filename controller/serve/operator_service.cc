#include "controller/serve/operator_service.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <limits>
#include <optional>
#include <utility>

#include "base/clock_read.h"
#include "base/mutex.h"
#include "controller/serve/fleet_message.h"
#include "controller/serve/run_json.h"
#include "db/reader.h"
#include "db/runs.h"
#include "fmt/format.h"
#include "proto/fleetsync/v1/operator.grpc.pb.h"

namespace fleetsync::serve {
namespace {

constexpr std::chrono::milliseconds kMaxWait{60'000};
constexpr std::chrono::milliseconds kLookAround{200};  // whether the operator is still there

// Where SystemTime's nanoseconds end, in 2262.
SystemTime Instant(uint64_t microseconds) {
  constexpr uint64_t kLast = std::numeric_limits<int64_t>::max() / 1000;
  return SystemTime(std::chrono::microseconds(static_cast<int64_t>(std::min(microseconds, kLast))));
}

size_t Points(const v1::GetHistoryRequest& request) {
  constexpr uint32_t kMost = 100'000;
  return std::clamp<uint32_t>(request.points(), 1, kMost);
}

// Answers of agents on their way to an operator. Outlived by the commands' callbacks.
class Answers {
 public:
  void Add(const std::string& host, const CommandAnswer& answer) {
    v1::SyncHostsResponse response;
    response.set_host(host);
    response.set_connected(true);
    response.set_answered(answer.has_value());
    if (answer) *response.mutable_result() = *answer;
    {
      const MutexLock lock(mutex_);
      queue_.push_back(std::move(response));
    }
    added_.notify_one();
  }
  // Nothing after a while without one.
  std::optional<v1::SyncHostsResponse> Next() {
    const MutexLock lock(mutex_);
    added_.wait_for(mutex_, kLookAround, [this]() FS_REQUIRES(mutex_) { return !queue_.empty(); });
    if (queue_.empty()) return std::nullopt;
    v1::SyncHostsResponse response = std::move(queue_.front());
    queue_.pop_front();
    return response;
  }

 private:
  Mutex mutex_;
  std::condition_variable_any added_;
  std::deque<v1::SyncHostsResponse> queue_ FS_GUARDED_BY(mutex_);
};

class Operators final : public v1::OperatorService::Service {
 public:
  Operators(const OperatorSurroundings& around, OperatorAccess access)
      : around_(around), access_(access) {}

  grpc::Status GetFleet(grpc::ServerContext*, const v1::GetFleetRequest*,
                        v1::GetFleetResponse* response) override {
    if (const Status status = MayAsk(); !status.ok()) return ToGrpc(status);
    auto reader = db::Reader::Open(around_.db_path);
    if (!reader.ok()) return ToGrpc(reader.status());
    const StatusOr<std::vector<db::HostRecord>> records = (*reader)->Fleet();
    if (!records.ok()) return ToGrpc(records.status());
    *response = FleetMessage(*around_.fleet.Get(), *records, around_.agents.Connected(),
                             ReadClocks().system);
    return grpc::Status::OK;
  }

  grpc::Status GetHistory(grpc::ServerContext*, const v1::GetHistoryRequest* request,
                          v1::GetHistoryResponse* response) override {
    if (const Status status = MayAsk(); !status.ok()) return ToGrpc(status);
    auto reader = db::Reader::Open(around_.db_path);
    if (!reader.ok()) return ToGrpc(reader.status());
    const std::vector<std::string> hosts(request->hosts().begin(), request->hosts().end());
    const auto history = (*reader)->History(hosts, Instant(request->since_us()),
                                            Instant(request->until_us()), Points(*request));
    if (!history.ok()) return ToGrpc(history.status());
    *response = HistoryMessage(*history);
    return grpc::Status::OK;
  }

  grpc::Status SyncHosts(grpc::ServerContext* context, const v1::SyncHostsRequest* request,
                         grpc::ServerWriter<v1::SyncHostsResponse>* writer) override;
  grpc::Status RecordRun(grpc::ServerContext*, const v1::RecordRunRequest* request,
                         v1::RecordRunResponse*) override;

 private:
  Status MayAsk() const {
    if (access_ == OperatorAccess::kWhoReachesIt) return absl::OkStatus();
    return absl::PermissionDeniedError(
        "operators are answered on the controller's own socket; over the network only with TLS "
        "and an operator's certificate");
  }

  const OperatorSurroundings& around_;
  const OperatorAccess access_;
};

grpc::Status Operators::SyncHosts(grpc::ServerContext* context, const v1::SyncHostsRequest* request,
                                  grpc::ServerWriter<v1::SyncHostsResponse>* writer) {
  if (const Status status = MayAsk(); !status.ok()) return ToGrpc(status);
  const auto wait = std::min(std::chrono::milliseconds(request->wait_ms()), kMaxWait);
  const MonoTime deadline = ReadClocks().mono + wait;
  v1::Command command;
  *command.mutable_sync_now() = request->command();
  const auto answers = std::make_shared<Answers>();
  size_t awaited = 0;
  for (const std::string& host : request->hosts()) {
    const auto tell = [answers, host](const CommandAnswer& answer) { answers->Add(host, answer); };
    if (around_.agents.Command(host, command, deadline, tell)) {
      ++awaited;
      continue;
    }
    v1::SyncHostsResponse response;
    response.set_host(host);
    if (!writer->Write(response)) return grpc::Status::CANCELLED;
  }
  while (awaited > 0) {
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    const std::optional<v1::SyncHostsResponse> response = answers->Next();
    if (!response) continue;
    --awaited;
    if (!writer->Write(*response)) return grpc::Status::CANCELLED;
  }
  return grpc::Status::OK;
}

grpc::Status Operators::RecordRun(grpc::ServerContext*, const v1::RecordRunRequest* request,
                                  v1::RecordRunResponse*) {
  if (const Status status = MayAsk(); !status.ok()) return ToGrpc(status);
  std::optional<WaitingRun> waiting = ParseRunJson(request->run_json());
  if (!waiting) return {grpc::StatusCode::INVALID_ARGUMENT, "this is no record of a run"};
  std::promise<Status> done;
  around_.store.Run([run = std::move(waiting->run)](
                        db::Writer& writer) { return db::RecordRun(writer.connection(), run); },
                    [&done](const Status& status) { done.set_value(status); });
  return ToGrpc(done.get_future().get());
}

}  // namespace

std::unique_ptr<grpc::Service> MakeOperatorService(const OperatorSurroundings& around,
                                                   OperatorAccess access) {
  return std::make_unique<Operators>(around, access);
}

}  // namespace fleetsync::serve
