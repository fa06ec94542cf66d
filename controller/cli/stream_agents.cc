#include "controller/cli/stream_agents.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "controller/cli/context.h"
#include "controller/serve/operator_client.h"

namespace fleetsync::cli {
namespace {

sync::AgentAnswer::Kind KindOf(const v1::SyncHostsResponse& response) {
  using Kind = sync::AgentAnswer::Kind;
  if (!response.connected()) return Kind::kAbsent;
  if (!response.answered()) return Kind::kSilent;
  switch (response.result().outcome()) {
    case v1::COMMAND_OUTCOME_DONE:
      return Kind::kDone;
    case v1::COMMAND_OUTCOME_REFUSED:
      return Kind::kRefused;
    default:
      return Kind::kFailed;
  }
}

sync::AgentAnswer AnswerOf(const v1::SyncHostsResponse& response) {
  const v1::CommandResult& result = response.result();
  const Duration bound(static_cast<int64_t>(result.error_bound_ns()));
  return {.kind = KindOf(response),
          .text = Printable(result.text()),
          .before = {Duration(result.offset_before_ns()), bound},
          .after = {Duration(result.offset_after_ns()), bound}};
}

class StreamAgents final : public sync::Agents {
 public:
  StreamAgents(std::unique_ptr<serve::OperatorClient> client, Duration patience)
      : client_(std::move(client)), patience_(patience) {}

  Status SyncNow(const std::vector<std::string>& hosts, const sync::AgentLimits& limits,
                 const OnAnswer& on_answer) override {
    v1::SyncHostsRequest request;
    for (const std::string& host : hosts) request.add_hosts(host);
    request.mutable_command()->set_allow_backward(limits.allow_backward);
    request.mutable_command()->set_largest_step_ns(
        static_cast<uint64_t>(std::max<int64_t>(1, limits.largest_step.count())));
    request.set_wait_ms(static_cast<uint32_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(patience_).count()));
    return client_->SyncHosts(request, [&](const v1::SyncHostsResponse& response) {
      on_answer(response.host(), AnswerOf(response));
    });
  }

 private:
  std::unique_ptr<serve::OperatorClient> client_;
  Duration patience_;
};

}  // namespace

std::unique_ptr<sync::Agents> ConnectedAgents(const std::string& db_path, Duration patience) {
  auto client = serve::OperatorClient::Local(db_path, patience);
  if (client.ok()) return std::make_unique<StreamAgents>(*std::move(client), patience);
  if (!absl::IsNotFound(client.status()))
    PrintError("warning: asking the agents: " + Message(client.status()) + "; setting over SSH");
  return nullptr;
}

}  // namespace fleetsync::cli
