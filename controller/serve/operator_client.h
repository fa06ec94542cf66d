#pragma once

#include <grpcpp/security/credentials.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/time.h"
#include "proto/fleetsync/v1/operator.pb.h"

namespace fleetsync::serve {

// Asks a running `fleetsync serve`. Calls wait for the answer, at most `patience` each, by the
// monotonic clock: DeadlineExceeded. Used by one thread.
class OperatorClient {
 public:
  // The service on this machine that writes the store at `db_path`. NotFound: none runs.
  // PermissionDenied: its socket is not for this user.
  static StatusOr<std::unique_ptr<OperatorClient>> Local(const std::string& db_path,
                                                         Duration patience);
  // `address`: "controller.example:7312".
  static std::unique_ptr<OperatorClient> Remote(
      const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
      Duration patience);
  virtual ~OperatorClient() = default;

  virtual StatusOr<v1::GetFleetResponse> GetFleet() = 0;
  virtual StatusOr<v1::GetHistoryResponse> GetHistory(const v1::GetHistoryRequest& request) = 0;
  // `on_answer`: once for each host, as they come. Waits `wait_ms` longer than `patience`.
  virtual Status SyncHosts(const v1::SyncHostsRequest& request,
                           const std::function<void(const v1::SyncHostsResponse&)>& on_answer) = 0;
  // As serve::RunJson writes it; in the store when this is OK.
  virtual Status RecordRun(std::string_view run_json) = 0;
};

}  // namespace fleetsync::serve
