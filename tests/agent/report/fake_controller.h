#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "proto/fleetsync/v1/fleet.grpc.pb.h"

namespace fleetsync::report {

// A controller in this process: stores each report once, acknowledges it, and can be stopped and
// started again on the same port with what it had stored.
class FakeController final : public v1::FleetService::Service {
 public:
  FakeController() { Start(); }
  ~FakeController() override { Stop(); }

  void Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(fmt::format("127.0.0.1:{}", port_), grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  void Stop() {
    if (!server_) return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
  }
  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

  // As if everything up to here had come before, under this host's name.
  void Know(uint64_t stored_through) {
    const std::lock_guard lock(mutex_);
    stored_through_ = stored_through;
  }
  // What is said after the next welcome.
  void SayNext(std::vector<v1::StreamResponse> responses) {
    const std::lock_guard lock(mutex_);
    say_next_ = std::move(responses);
  }
  // In one message; 0, as at first: reports come one by one.
  void TakeTogether(uint32_t most_reports) {
    const std::lock_guard lock(mutex_);
    most_reports_ = most_reports;
  }
  void StopAcknowledging() {
    const std::lock_guard lock(mutex_);
    acknowledging_ = false;
  }

  // False: not within half a minute.
  template <class Condition>
  bool WaitUntil(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return condition(*this); });
  }

  // Read them inside of WaitUntil or after Stop.
  std::vector<v1::Report> reports;  // in the order in which they came, repetitions left out
  std::vector<v1::Hello> hellos;
  std::vector<v1::TimeAnswer> time_answers;
  std::vector<v1::CommandResult> results;
  int repeated = 0;
  std::vector<int> gathered;  // how many came in each message of several

 private:
  using RequestStream = grpc::ServerReaderWriter<v1::StreamResponse, v1::StreamRequest>;

  grpc::Status Stream(grpc::ServerContext* /*context*/, RequestStream* stream) override {
    v1::StreamRequest request;
    while (stream->Read(&request)) {
      const v1::StreamResponse response = Take(request);
      if (response.message_case() != v1::StreamResponse::MESSAGE_NOT_SET) stream->Write(response);
      if (response.has_welcome())
        for (const v1::StreamResponse& more : TakeWhatToSay()) stream->Write(more);
    }
    return grpc::Status::OK;
  }

  std::vector<v1::StreamResponse> TakeWhatToSay() {
    const std::lock_guard lock(mutex_);
    return std::exchange(say_next_, {});
  }

  // The answer; empty: none.
  v1::StreamResponse Take(const v1::StreamRequest& request) {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
    v1::StreamResponse response;
    if (request.has_hello()) {
      hellos.push_back(request.hello());
      response.mutable_welcome()->set_stored_through(stored_through_);
      response.mutable_welcome()->set_most_reports(most_reports_);
      return response;
    }
    if (request.has_time_answer()) time_answers.push_back(request.time_answer());
    if (request.has_command_result()) results.push_back(request.command_result());
    if (!request.has_report() && !request.has_reports()) return response;
    if (request.has_report()) Store(request.report());
    for (const v1::Report& report : request.reports().reports()) Store(report);
    if (request.has_reports()) gathered.push_back(request.reports().reports_size());
    if (acknowledging_) response.mutable_acknowledgement()->set_through(stored_through_);
    return response;
  }

  void Store(const v1::Report& report) {
    if (report.sequence() > stored_through_) {
      reports.push_back(report);
      stored_through_ = report.sequence();
    } else {
      ++repeated;
    }
  }

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t stored_through_ = 0;
  bool acknowledging_ = true;
  uint32_t most_reports_ = 0;
  std::vector<v1::StreamResponse> say_next_;
};

}  // namespace fleetsync::report
