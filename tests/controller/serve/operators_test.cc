// What operators ask of a running service, over its socket and over the network.

#include <google/protobuf/descriptor.pb.h>
#include <grpcpp/generic/generic_stub.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <future>
#include <thread>

#include "controller/serve/operator_client.h"
#include "controller/serve/operator_socket.h"
#include "controller/serve/run_json.h"
#include "db/reader.h"
#include "db/runs.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fleetsync/v1/operator.grpc.pb.h"
#include "tests/controller/serve/serve_fixture.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::unique_ptr<OperatorClient> Ask(const TemporaryFolder& folder) {
  auto client = OperatorClient::Local(folder.File("fleet.db"), kPatience);
  EXPECT_TRUE(client.ok()) << client.status();
  return client.ok() ? *std::move(client) : nullptr;
}

TEST(Operators, GetFleetTellsTheInventoryTheStoreAndWhoIsConnected) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01", "web02"});
  FakeAgent agent(server.Address(), "web01");
  ASSERT_EQ(agent.Hello(), 0u);
  ASSERT_TRUE(agent.Send(1) && agent.AwaitAcknowledgement(1));
  const StatusOr<v1::GetFleetResponse> fleet = Ask(folder)->GetFleet();
  ASSERT_TRUE(fleet.ok()) << fleet.status();
  ASSERT_EQ(fleet->hosts_size(), 2);
  const v1::FleetHost& web01 = fleet->hosts(0);
  EXPECT_EQ(web01.host(), "web01");
  EXPECT_TRUE(web01.connected());
  EXPECT_EQ(web01.groups(0), "all");
  EXPECT_EQ(web01.tolerance_ns(), 10'000'000u);
  EXPECT_EQ(web01.agent_version(), "0.1.0");
  EXPECT_EQ(web01.stored_through(), 1u);
  EXPECT_EQ(web01.report().offset_ns(), 1000);
  EXPECT_EQ(web01.report().sources(0).reach(), 0377u);
  EXPECT_EQ(web01.report().texts(static_cast<int>(web01.report().daemon()) - 1).text(), "chrony");
  EXPECT_LE(web01.received_us(), fleet->now_us());
  EXPECT_FALSE(fleet->hosts(1).connected());
  EXPECT_EQ(fleet->hosts(1).last_seen_us(), 0u);
}

TEST(Operators, GetHistoryTellsWhatWasReported) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent agent(server.Address(), "web01");
  ASSERT_EQ(agent.Hello(), 0u);
  for (uint64_t sequence = 1; sequence <= 5; ++sequence) ASSERT_TRUE(agent.Send(sequence));
  ASSERT_TRUE(agent.AwaitAcknowledgement(5));
  const auto now = static_cast<uint64_t>(ReadClocks().system.time_since_epoch().count() / 1000);
  v1::GetHistoryRequest request;
  request.add_hosts("web01");
  request.add_hosts("web02");
  request.set_since_us(now - 3'600'000'000);
  request.set_until_us(now + 60'000'000);
  request.set_points(10);
  const StatusOr<v1::GetHistoryResponse> history = Ask(folder)->GetHistory(request);
  ASSERT_TRUE(history.ok()) << history.status();
  ASSERT_EQ(history->hosts_size(), 2);
  uint32_t reports = 0;
  for (const v1::HistoryPoint& point : history->hosts(0).points()) reports += point.reports();
  EXPECT_EQ(reports, 5u);
  EXPECT_EQ(history->hosts(1).points_size(), 0);
}

// Answers the first command; what it was.
std::optional<v1::SyncNow> ObeyOnce(FakeAgent& agent) {
  while (const std::optional<v1::StreamResponse> message = agent.Read()) {
    if (!message->has_command()) continue;
    v1::StreamRequest answer;
    v1::CommandResult& result = *answer.mutable_command_result();
    result.set_id(message->command().id());
    result.set_outcome(v1::COMMAND_OUTCOME_DONE);
    result.set_offset_before_ns(5'000'000);
    EXPECT_TRUE(agent.Write(answer));
    return message->command().sync_now();
  }
  return std::nullopt;
}

TEST(Operators, SyncHostsAnswersOnceForEachHost) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01", "web02", "web03"});
  FakeAgent obeys(server.Address(), "web01"), silent(server.Address(), "web02");
  ASSERT_EQ(obeys.Hello(), 0u);
  ASSERT_EQ(silent.Hello(), 0u);
  auto obeyed = std::async(std::launch::async, [&] { return ObeyOnce(obeys); });

  v1::SyncHostsRequest request;
  for (const char* host : {"web01", "web02", "web03", "evil"}) request.add_hosts(host);
  request.mutable_command()->set_allow_backward(true);
  request.set_wait_ms(600);
  std::map<std::string, v1::SyncHostsResponse> answers;
  const Status status = Ask(folder)->SyncHosts(request, [&](const v1::SyncHostsResponse& answer) {
    EXPECT_TRUE(answers.emplace(answer.host(), answer).second) << answer.host();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(obeyed.get()->allow_backward());
  ASSERT_EQ(answers.size(), 4u);
  EXPECT_TRUE(answers["web01"].answered());
  EXPECT_EQ(answers["web01"].result().offset_before_ns(), 5'000'000);
  EXPECT_TRUE(answers["web02"].connected());
  EXPECT_FALSE(answers["web02"].answered());
  EXPECT_FALSE(answers["web03"].connected());
  EXPECT_FALSE(answers["evil"].connected());
}

TEST(Operators, ARunsRecordGoesThroughTheOneWriter) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  ASSERT_NE(server.Address(), "");
  const db::Run run{.id = "r1",
                    .command = "push",
                    .user = "ada",
                    .controller = "c",
                    .inventory = "fleet.yaml",
                    .started = SystemTime(1'790'000'000s),
                    .finished = SystemTime(1'790'000'009s),
                    .hosts = {{"web01", "changed", "chrony.conf"}}};
  const auto client = Ask(folder);
  const Status status = client->RecordRun(RunJson(run, 0));
  ASSERT_TRUE(status.ok()) << status;
  const auto reader = db::Reader::Open(folder.File("fleet.db"));
  const StatusOr<db::Run> stored = db::ReadRun((*reader)->connection(), "r1");
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->hosts, run.hosts);
  EXPECT_TRUE(absl::IsInvalidArgument(client->RecordRun("{}")));
}

TEST(Operators, TheSocketIsForTheGroupAndGoesWithTheService) {
  const TemporaryFolder folder;
  const std::string path = OperatorSocketPath(folder.File("fleet.db"));
  EXPECT_EQ(path, folder.File("serve.sock"));
  {
    ServeProcess killed(folder, {"web01"});
    ASSERT_NE(killed.Address(), "");
    struct stat there {};
    ASSERT_EQ(stat(path.c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 07777, 0660u);
    killed.Kill();
  }
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(absl::IsNotFound(OperatorClient::Local(folder.File("fleet.db"), 1s).status()));
  ServeProcess next(folder, {"web01"});
  ASSERT_NE(next.Address(), "") << next.Log();
  EXPECT_TRUE(Ask(folder)->GetFleet().ok());
  EXPECT_EQ(next.Stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Operators, APathThatIsTakenOrTooLongIsSaidSo) {
  const TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomically(folder.File("serve.sock"), "mine", 0600).ok());
  ServeProcess server(folder, {"web01"});
  EXPECT_EQ(server.Wait(), 1);
  EXPECT_THAT(server.Log(), HasSubstr("serve.sock is where operators' commands would ask, but is "
                                      "no socket: move it away"));
  EXPECT_EQ(*ReadFile(folder.File("serve.sock"), 10), "mine");

  v1::OperatorService::Service service;
  const auto listened = OperatorSocket::Listen("/tmp/" + std::string(120, 'x'), service);
  EXPECT_THAT(Message(listened.status()), HasSubstr("125 bytes; at most 107"));
}

TEST(Operators, OverTheNetworkWithoutTlsNobodyIsAnOperator) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  const auto client =
      OperatorClient::Remote(server.Address(), grpc::InsecureChannelCredentials(), kPatience);
  const Status status = client->GetFleet().status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(Message(status), HasSubstr("over the network only with TLS"));
  EXPECT_TRUE(absl::IsPermissionDenied(client->RecordRun("{}")));
  EXPECT_TRUE(absl::IsPermissionDenied(client->SyncHosts({}, [](const auto&) {})));
}

TEST(Operators, AServiceThatHangsIsGivenUpByTheMonotonicClock) {
  const TemporaryFolder folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strcpy(address.sun_path, folder.File("serve.sock").c_str());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 10), 0);
  const auto client = OperatorClient::Local(folder.File("fleet.db"), 50ms);
  ASSERT_TRUE(client.ok()) << client.status();
  const Status status = (*client)->GetFleet().status();
  close(fd);
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

// One call of a method by its name, with bytes of the test's making.
std::string Call(const std::string& address, const std::string& method, const std::string& bytes,
                 grpc::Status* status) {
  grpc::GenericStub stub(OwnChannel(address));
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  const auto call = stub.PrepareCall(&context, method, &queue);
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  call->StartCall(nullptr);
  next();
  const grpc::Slice slice(bytes);
  call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
  next();
  grpc::ByteBuffer answer;
  call->Read(&answer, nullptr);
  std::string text;
  if (next()) {
    grpc::Slice whole;
    if (answer.DumpToSingleSlice(&whole).ok())
      text.assign(reinterpret_cast<const char*>(whole.begin()), whole.size());
  }
  call->Finish(status, nullptr);
  next();
  queue.Shutdown();
  return text;
}

TEST(StandardServices, TheHealthServiceSaysServing) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  grpc::Status status;
  const std::string answer = Call(server.Address(), "/grpc.health.v1.Health/Check", "", &status);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(answer, "\x08\x01") << "SERVING";
}

TEST(StandardServices, ReflectionListsTheServicesAndDescribesThem) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  const std::string method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  grpc::Status status;
  const std::string services = Call(server.Address(), method, std::string("\x3a\x01*", 3), &status);
  EXPECT_THAT(services, HasSubstr("fleetsync.v1.FleetService"));
  EXPECT_THAT(services, HasSubstr("fleetsync.v1.OperatorService"));
  const std::string symbol = "fleetsync.v1.OperatorService";
  const std::string file =
      Call(server.Address(), method,
           std::string("\x22") + static_cast<char>(symbol.size()) + symbol, &status);
  EXPECT_THAT(file, HasSubstr("proto/fleetsync/v1/operator.proto"));
  EXPECT_THAT(file, HasSubstr("SyncHostsRequest"));
  EXPECT_THAT(file, HasSubstr("proto/fleetsync/v1/fleet.proto")) << "what it imports, too";
}

}  // namespace
}  // namespace fleetsync::serve
