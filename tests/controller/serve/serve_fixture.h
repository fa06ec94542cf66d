#pragma once

// A service in a process of its own, and agents of the test's making.

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock_read.h"
#include "base/file.h"
#include "fmt/format.h"
#include "gtest/gtest.h"
#include "proto/fleetsync/v1/fleet.grpc.pb.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::serve {

inline constexpr Duration kPatience = std::chrono::seconds(20);

// Polls, bounded, for what another process does.
template <class F>
bool Eventually(F&& condition) {
  const MonoTime end = ReadClocks().mono + kPatience;
  while (!condition()) {
    if (ReadClocks().mono > end) return false;
    poll(nullptr, 0, 2);
  }
  return true;
}

// A running service; killed with the object.
class ServeProcess {
 public:
  ServeProcess(const TemporaryFolder& folder, const std::vector<std::string>& hosts)
      : port_file_(folder.File("port")), log_(folder.File("log")) {
    std::filesystem::remove(port_file_);
    std::vector<std::string> words = {FLEETSYNC_SERVE_PROCESS, folder.File("fleet.db"), port_file_};
    words.insert(words.end(), hosts.begin(), hosts.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string log = log_;
    pid_ = vfork();
    if (pid_ == 0) {
      const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      dup2(fd, STDERR_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
  }
  ~ServeProcess() {
    if (pid_ > 0) Kill();
  }
  ServeProcess(const ServeProcess&) = delete;
  ServeProcess& operator=(const ServeProcess&) = delete;

  // "127.0.0.1:PORT" once it listens; empty when it never does.
  std::string Address() {
    StatusOr<std::string> port = absl::NotFoundError("");
    if (!Eventually([&] { return (port = ReadFile(port_file_, 100)).ok(); })) return {};
    return fmt::format("127.0.0.1:{}", port->substr(0, port->find('\n')));
  }
  std::string Log() const { return ReadFile(log_, 1 << 20).value_or(""); }
  void Kill() {
    kill(pid_, SIGKILL);
    Wait();
  }
  // The exit code, or minus the signal that ended it.
  int Stop() {
    kill(pid_, SIGTERM);
    return Wait();
  }
  int Wait() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  pid_t pid() const { return pid_; }

 private:
  std::string port_file_, log_;
  pid_t pid_ = -1;
};

// A connection that no other channel shares, as an agent's.
inline std::shared_ptr<grpc::Channel> OwnChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// An agent as the protocol wants it, without a buffer: the test says what is sent.
class FakeAgent {
 public:
  FakeAgent(const std::string& address, std::string host)
      : host_(std::move(host)), stub_(v1::FleetService::NewStub(OwnChannel(address))) {
    context_.set_deadline(std::chrono::system_clock::now() + kPatience);
    context_.set_wait_for_ready(true);
    stream_ = stub_->Stream(&context_);
  }
  ~FakeAgent() { context_.TryCancel(); }

  // What the controller has on disk; nothing when it refuses.
  std::optional<uint64_t> Hello() {
    v1::StreamRequest message;
    message.mutable_hello()->set_host(host_);
    message.mutable_hello()->set_agent_version("0.1.0");
    message.mutable_hello()->set_boot_id("boot");
    v1::StreamResponse answer;
    if (!stream_->Write(message) || !stream_->Read(&answer) || !answer.has_welcome())
      return std::nullopt;
    return answer.welcome().stored_through();
  }
  // The next message; nothing when the stream has ended.
  std::optional<v1::StreamResponse> Read() {
    v1::StreamResponse answer;
    if (!stream_->Read(&answer)) return std::nullopt;
    return answer;
  }
  bool Write(const v1::StreamRequest& message) { return stream_->Write(message); }
  bool Send(uint64_t sequence) {
    v1::StreamRequest message;
    v1::Report& report = *message.mutable_report();
    report.set_sequence(sequence);
    report.set_host_time_us(1'790'000'000'000'000 + sequence);
    report.set_offset_ns(static_cast<int64_t>(sequence) * 1000);
    report.set_error_bound_ns(5000);
    report.set_stratum(3);
    v1::Source& source = *report.add_sources();
    if (!std::exchange(told_, true)) {
      Tell(report, 1, "chrony");
      Tell(report, 2, "ntp1.example");
    }
    report.set_daemon(1);
    source.set_name(2);
    source.set_state(v1::SOURCE_STATE_SELECTED);
    source.set_reach(0377);
    return stream_->Write(message);
  }
  bool SendBytes(size_t size) {
    v1::StreamRequest message;
    Tell(*message.mutable_report(), 1, std::string(size, 'x'));
    return stream_->Write(message);
  }
  static void Tell(v1::Report& report, uint32_t id, const std::string& text) {
    v1::Text& told = *report.add_texts();
    told.set_id(id);
    told.set_text(text);
  }
  // The next acknowledgement, whatever else is said before it; 0 when the stream has ended.
  uint64_t Acknowledged() {
    while (const std::optional<v1::StreamResponse> answer = Read())
      if (answer->has_acknowledgement()) return answer->acknowledgement().through();
    return 0;
  }
  bool AwaitAcknowledgement(uint64_t through) {
    for (uint64_t last = 1; last != 0;)
      if ((last = Acknowledged()) >= through) return true;
    return false;
  }
  bool HalfClose() { return stream_->WritesDone(); }
  grpc::Status End() {
    v1::StreamResponse ignored;
    while (stream_->Read(&ignored)) {
    }
    return stream_->Finish();
  }

 private:
  const std::string host_;
  std::unique_ptr<v1::FleetService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::StreamRequest, v1::StreamResponse>> stream_;
  bool told_ = false;  // the texts
};

// Stores a report and is told so.
inline void ExpectServed(FakeAgent& agent, uint64_t sequence) {
  ASSERT_TRUE(agent.Send(sequence));
  EXPECT_TRUE(agent.AwaitAcknowledgement(sequence));
}

// An environment variable of the processes that are started meanwhile.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

}  // namespace fleetsync::serve
