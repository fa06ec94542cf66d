#include "controller/relay/relay.h"

#include <unistd.h>

#include <thread>

#include "base/clock_read.h"
#include "controller/relay/status_socket.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace fleetsync::relay {
namespace {

using ::testing::HasSubstr;

RelayOptions OnLoopback() {
  RelayOptions options;
  options.listen = {"127.0.0.1"};
  options.port = 0;
  options.local_stratum = 7;
  options.local_after = Duration::zero();
  options.status_socket = fmt::format("{}relay-{}.sock", testing::TempDir(), getpid());
  return options;
}

TEST(Relay, RunsTellsItsStatusAndStops) {
  const RelayOptions options = OnLoopback();
  std::atomic<bool> stop{false};
  Status result;
  std::thread running([&] { result = relay::Run(options, stop); });
  StatusOr<std::string> text = absl::UnknownError("not asked");
  const MonoTime deadline = ReadClocks().mono + std::chrono::seconds(20);
  while (!text.ok() && ReadClocks().mono < deadline) {
    std::this_thread::yield();
    text = AskStatus(options.status_socket);
  }
  stop = true;
  running.join();
  EXPECT_TRUE(result.ok()) << Message(result);
  ASSERT_TRUE(text.ok()) << Message(text.status());
  const auto json = nlohmann::json::parse(*text);
  EXPECT_THAT(json.at("listening").at(0).get<std::string>(), HasSubstr("127.0.0.1:"));
  EXPECT_EQ(json.at("counts").at("requests"), 0);
  EXPECT_EQ(access(options.status_socket.c_str(), F_OK), -1);
}

TEST(Relay, RefusesWhatItCannotDo) {
  const std::atomic<bool> stop{true};
  RelayOptions options = OnLoopback();
  options.listen = {"web01"};
  EXPECT_THAT(Message(relay::Run(options, stop)),
              HasSubstr("--listen web01: not an address of this"));
  options = OnLoopback();
  options.allow = {"nobody"};
  EXPECT_THAT(Message(relay::Run(options, stop)), HasSubstr("--allow nobody: not a network"));
  options = OnLoopback();
  options.key_file = "/nonexistent";
  EXPECT_THAT(Message(relay::Run(options, stop)), HasSubstr("/nonexistent: No such file"));
}

}  // namespace
}  // namespace fleetsync::relay
