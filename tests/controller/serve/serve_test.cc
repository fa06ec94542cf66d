// The service over real sockets: a process of its own, fake agents here, the store read back.

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock_read.h"
#include "base/file.h"
#include "db/reader.h"
#include "db/sqlite.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/fleetsync/v1/fleet.grpc.pb.h"
#include "tests/controller/serve/serve_fixture.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<uint64_t> Stored(const TemporaryFolder& folder, const std::string& host) {
  const auto reader = db::Reader::Open(folder.File("fleet.db"));
  EXPECT_TRUE(reader.ok()) << reader.status();
  std::vector<uint64_t> sequences;
  if (!reader.ok()) return sequences;
  const std::vector<db::Report> reports = *(*reader)->Reports(host, 0, 1'000'000);
  for (const db::Report& report : reports) sequences.push_back(report.sequence);
  return sequences;
}

std::string Output(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::array<char, 4096> text{};
  return {text.data(), fread(text.data(), 1, text.size(), pipe.get())};
}

TEST(Serve, AcknowledgedReportsAreInTheStore) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent agent(server.Address(), "web01");
  EXPECT_EQ(agent.Hello(), 0u);
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) ASSERT_TRUE(agent.Send(sequence));
  ASSERT_TRUE(agent.AwaitAcknowledgement(3)) << server.Log();

  const auto reader = db::Reader::Open(folder.File("fleet.db"));
  const std::vector<db::HostRecord> fleet = *(*reader)->Fleet();
  ASSERT_EQ(fleet.size(), 1u);
  EXPECT_EQ(fleet[0].host, "web01");
  EXPECT_EQ(fleet[0].agent_version, "0.1.0");
  EXPECT_EQ(fleet[0].report.sequence, 3u);
  EXPECT_EQ(fleet[0].report.offset, 3us);
  EXPECT_LT(Abs(ReadClocks().system - fleet[0].report.received), Duration(kPatience));
  if (access("/usr/bin/sqlite3", X_OK) == 0) {
    EXPECT_EQ(Output(fmt::format("sqlite3 -readonly {} 'SELECT host, sequence, offset_ms, reach, "
                                 "source FROM history'",
                                 folder.File("fleet.db"))),
              "web01|1|0.001|377|ntp1.example\nweb01|2|0.002|377|ntp1.example\n"
              "web01|3|0.003|377|ntp1.example\n");
  }
}

TEST(Serve, AnAgentThatComesBackLearnsWhereToGoOn) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  {
    FakeAgent agent(server.Address(), "web01");
    ASSERT_EQ(agent.Hello(), 0u);
    ASSERT_TRUE(agent.Send(41));
    ASSERT_TRUE(agent.AwaitAcknowledgement(41));
  }
  FakeAgent agent(server.Address(), "web01");
  EXPECT_EQ(agent.Hello(), 41u);
  ASSERT_TRUE(agent.Send(41)) << "a resent one is acknowledged and not stored again";
  ASSERT_TRUE(agent.Send(42));
  EXPECT_TRUE(agent.AwaitAcknowledgement(42));
  EXPECT_THAT(Stored(folder, "web01"), ElementsAre(41, 42));
}

TEST(Serve, WhatWasSentBeforeTheHalfCloseIsAcknowledged) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent agent(server.Address(), "web01");
  ASSERT_EQ(agent.Hello(), 0u);
  for (uint64_t sequence = 1; sequence <= 200; ++sequence) ASSERT_TRUE(agent.Send(sequence));
  ASSERT_TRUE(agent.HalfClose());
  EXPECT_TRUE(agent.AwaitAcknowledgement(200));
  EXPECT_TRUE(agent.End().ok());
}

TEST(Serve, AHostThatTheInventoryDoesNotNameIsRefusedOnBothSides) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent agent(server.Address(), "evil");
  EXPECT_EQ(agent.Hello(), std::nullopt);
  const grpc::Status status = agent.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(status.error_message(),
            "host 'evil' is not in the controller's inventory: add it there and send "
            "fleetsync serve a SIGHUP, or give the agent the name that the inventory has");
  EXPECT_TRUE(Eventually([&] {
    return server.Log().find("host 'evil' is not in the controller's inventory") !=
           std::string::npos;
  })) << server.Log();
}

TEST(Serve, AReportBeforeTheHelloEndsTheStream) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent agent(server.Address(), "web01");
  agent.Send(1);
  const grpc::Status status = agent.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "a Report before the Hello");
}

TEST(Serve, AGiantMessageHurtsItsSenderAlone) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01", "web02"});
  FakeAgent giant(server.Address(), "web01"), other(server.Address(), "web02");
  ASSERT_EQ(giant.Hello(), 0u);
  ASSERT_EQ(other.Hello(), 0u);
  giant.SendBytes(1 << 20);
  EXPECT_EQ(giant.End().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  ASSERT_TRUE(other.Send(1));
  EXPECT_TRUE(other.AwaitAcknowledgement(1));
}

TEST(Serve, ManyAgentsAtOnceAreAllStored) {
  constexpr int kAgents = 40;
  constexpr uint64_t kReports = 30;
  std::vector<std::string> hosts;
  for (int i = 0; i < kAgents; ++i) hosts.push_back(fmt::format("web{:02}", i));
  const TemporaryFolder folder;
  ServeProcess server(folder, hosts);
  const std::string address = server.Address();
  std::vector<std::thread> agents;
  for (const std::string& host : hosts) {
    agents.emplace_back([&address, host] {
      FakeAgent agent(address, host);
      EXPECT_EQ(agent.Hello(), 0u);
      for (uint64_t sequence = 1; sequence <= kReports; ++sequence)
        EXPECT_TRUE(agent.Send(sequence));
      EXPECT_TRUE(agent.AwaitAcknowledgement(kReports)) << host;
    });
  }
  for (std::thread& agent : agents) agent.join();
  for (const std::string& host : hosts) EXPECT_EQ(Stored(folder, host).size(), kReports) << host;
}

TEST(Serve, ATermEndsItCleanlyWithStreamsOpen) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent agent(server.Address(), "web01");
  ASSERT_EQ(agent.Hello(), 0u);
  ASSERT_TRUE(agent.Send(1));
  ASSERT_TRUE(agent.AwaitAcknowledgement(1));
  std::future<grpc::Status> end = std::async(std::launch::async, [&] { return agent.End(); });
  EXPECT_EQ(server.Stop(), 0) << server.Log();
  const grpc::Status status = end.get();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(), "the controller is stopping");
  EXPECT_FALSE(std::filesystem::exists(folder.File("fleet.db-wal"))) << "checkpointed at the end";
}

TEST(Serve, ASecondServiceOnTheSameStoreIsRefused) {
  const TemporaryFolder folder;
  ServeProcess first(folder, {"web01"});
  ASSERT_NE(first.Address(), "");
  const std::string holder = fmt::format(
      "{}.lock is held by process {}: one program at a time may write the database; "
      "stop that one first\n",
      folder.File("fleet.db"), first.pid());
  ServeProcess second(folder, {"web01"});
  EXPECT_EQ(second.Wait(), 1);
  EXPECT_THAT(second.Log(), HasSubstr(holder));
}

TEST(Serve, AStoreThatCanNoLongerBeWrittenEndsTheServiceWithTheReason) {
  const TemporaryFolder folder;
  ServeProcess server(folder, {"web01"});
  FakeAgent agent(server.Address(), "web01");
  ASSERT_EQ(agent.Hello(), 0u);
  StatusOr<db::Connection> vandal =
      db::Connection::Open(folder.File("fleet.db"), db::Connection::Mode::kReadWrite);
  ASSERT_TRUE(vandal->Execute("DROP VIEW fleet; DROP VIEW history; DROP TABLE reports").ok());
  ASSERT_TRUE(agent.Send(1));
  EXPECT_EQ(agent.Acknowledged(), 0u) << "not stored, not acknowledged";
  EXPECT_EQ(server.Wait(), 1);
  EXPECT_THAT(server.Log(),
              HasSubstr(folder.File("fleet.db") + ": no such table: reports (SQLite 1)\n"));
}

// An agent that sends, keeps count of what it was told, and is cut off somewhere: what was
// acknowledged.
uint64_t SendUntilCut(const std::string& address, const std::string& host) {
  FakeAgent agent(address, host);
  const std::optional<uint64_t> stored = agent.Hello();
  if (!stored) return 0;
  uint64_t acknowledged = *stored, next = *stored + 1;
  for (;;) {
    for (int i = 0; i < 5; ++i)
      if (!agent.Send(next++)) return acknowledged;
    const uint64_t through = agent.Acknowledged();
    if (through == 0) return acknowledged;
    acknowledged = std::max(acknowledged, through);
  }
}

TEST(Serve, KilledInTheMiddleItLosesNothingAcknowledgedAndStoresNothingTwice) {
  constexpr size_t kAgents = 4;
  const uint64_t seed = 42;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const std::vector<std::string> hosts = {"web01", "web02", "web03", "web04"};
  const TemporaryFolder folder;
  std::array<uint64_t, kAgents> acknowledged{};
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    ServeProcess server(folder, hosts);
    const std::string address = server.Address();
    ASSERT_NE(address, "") << server.Log();
    std::vector<std::thread> agents;
    for (size_t i = 0; i < kAgents; ++i)
      agents.emplace_back(
          [&, i] { acknowledged[i] = std::max(acknowledged[i], SendUntilCut(address, hosts[i])); });
    // Another instant each round; nothing waits for it.
    poll(nullptr, 0, static_cast<int>(random() % 250));
    server.Kill();
    for (std::thread& agent : agents) agent.join();

    for (size_t i = 0; i < kAgents; ++i) {
      const std::vector<uint64_t> stored = Stored(folder, hosts[i]);
      ASSERT_GE(stored.size(), acknowledged[i]);
      for (size_t n = 0; n < stored.size(); ++n) ASSERT_EQ(stored[n], n + 1) << "once, no gap";
    }
  }
  for (const uint64_t through : acknowledged) EXPECT_GT(through, 0u);
}

}  // namespace
}  // namespace fleetsync::serve
