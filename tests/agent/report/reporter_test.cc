#include "agent/report/reporter.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <thread>

#include "agent/report/local_message.h"
#include "agent/report/report.h"
#include "agent/report/spool_reader.h"
#include "agent/report/spool_writer.h"
#include "base/clock_read.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/agent/report/fake_controller.h"

namespace fleetsync::report {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;

// The time process's side: a spool and one end of the socket; the reporter in a thread.
class ReporterTest : public ::testing::Test {
 protected:
  ReporterTest() {
    std::string name = ::testing::TempDir() + "reporter.XXXXXX";
    folder_ = mkdtemp(name.data());
    spool_ = *SpoolWriter::Open({.folder = folder_ + "/spool"});
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_), 0);
  }
  ~ReporterTest() override {
    close(ends_[0]);  // the end of the time process is the end of the reporter
    if (thread_.joinable()) thread_.join();
    close(ends_[1]);
    std::filesystem::remove_all(folder_);
  }

  void StartReporter() {
    config_ = {.controller = controller_.address(),
               .host = "web01",
               .spool_folder = folder_ + "/spool",
               .socket = ends_[1],
               .seed = 1,
               .log =
                   [this](const std::string& line) {
                     const std::lock_guard lock(log_mutex_);
                     log_ += line + "\n";
                   },
               .stop_requested = [] { return false; }};
    thread_ = std::thread([this] { EXPECT_TRUE(RunReporter(config_).ok()); });
  }
  std::string Log() {
    const std::lock_guard lock(log_mutex_);
    return log_;
  }
  void Spool(int64_t offset_ns) {
    v1::Report report;
    report.set_offset_ns(offset_ns);
    const LocalMessage message{.kind = LocalMessage::Kind::kSpooled,
                               .number = *spool_->Append(report.SerializeAsString())};
    ASSERT_EQ(send(ends_[0], &message, sizeof message, 0), static_cast<ssize_t>(sizeof message));
  }
  // Many, with one message for all: nobody reads the socket yet.
  void SpoolBeforeTheStart(int64_t count) {
    for (int64_t i = 1; i < count; ++i) {
      v1::Report report;
      report.set_offset_ns(i);
      ASSERT_TRUE(spool_->Append(report.SerializeAsString()).ok());
    }
    Spool(count);
  }
  bool Arrived(size_t count) {
    return controller_.WaitUntil(
        [&](const FakeController& c) { return c.reports.size() >= count; });
  }
  // Until the reporter says that the controller has everything up to `through`.
  void WaitForAcknowledgement(uint64_t through) {
    LocalMessage message;
    do {
      pollfd fd{ends_[0], POLLIN, 0};
      ASSERT_EQ(poll(&fd, 1, 30'000), 1);
      ASSERT_EQ(recv(ends_[0], &message, sizeof message, 0), static_cast<ssize_t>(sizeof message));
      ASSERT_EQ(message.kind, LocalMessage::Kind::kAcknowledged);
    } while (message.number < through);
    EXPECT_EQ(message.number, through);
  }

  std::string folder_;
  std::unique_ptr<SpoolWriter> spool_;
  FakeController controller_;
  int ends_[2] = {-1, -1};
  ReporterConfig config_;
  std::thread thread_;
  std::mutex log_mutex_;
  std::string log_;
};

TEST_F(ReporterTest, SendsWhatIsSpooledAndTellsWhatIsStored) {
  Spool(1);
  Spool(2);
  StartReporter();
  WaitForAcknowledgement(2);
  Spool(3);
  WaitForAcknowledgement(3);
  ASSERT_TRUE(Arrived(3));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(controller_.reports[i].sequence(), i + 1);
    EXPECT_EQ(controller_.reports[i].offset_ns(), static_cast<int64_t>(i + 1));
  }
  EXPECT_EQ(controller_.hellos.at(0).host(), "web01");
  EXPECT_EQ(controller_.hellos.at(0).agent_version(), FLEETSYNC_VERSION);
  EXPECT_EQ(controller_.hellos.at(0).boot_id().size(), 36u);
  EXPECT_EQ(Log(), "reporting to " + controller_.address() + "\n");
}

TEST_F(ReporterTest, WhatHasGatheredGoesTogetherWhereTheControllerTakesIt) {
  constexpr int kReports = 300, kMost = 50;
  SpoolBeforeTheStart(kReports);
  controller_.TakeTogether(kMost);
  StartReporter();
  WaitForAcknowledgement(kReports);
  ASSERT_TRUE(Arrived(kReports));
  for (size_t i = 0; i < kReports; ++i) {
    EXPECT_EQ(controller_.reports[i].sequence(), i + 1);
    EXPECT_EQ(controller_.reports[i].offset_ns(), static_cast<int64_t>(i + 1));
  }
  EXPECT_THAT(controller_.gathered, AllOf(Contains(kMost), Each(Le(kMost))));
}

TEST_F(ReporterTest, LargeReportsStayWithinWhatAMessageMayBe) {
  v1::Report large;
  for (int i = 0; i < 64; ++i) large.add_sources()->set_reference_id(~0U);
  for (uint32_t i = 1; i <= 100; ++i) {
    v1::Text& text = *large.add_texts();
    text.set_id(i);
    text.set_text(std::string(200, 'x') + std::to_string(i));
  }
  ASSERT_GT(large.ByteSizeLong(), 20'000u);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(spool_->Append(large.SerializeAsString()).ok());
  controller_.TakeTogether(64);
  StartReporter();
  WaitForAcknowledgement(4);
  ASSERT_TRUE(Arrived(4));
  EXPECT_THAT(controller_.gathered, Not(Contains(Gt(1)))) << "by their size before they got short";
}

TEST_F(ReporterTest, AnOlderControllerGetsReportsOneByOne) {
  SpoolBeforeTheStart(300);
  StartReporter();
  WaitForAcknowledgement(300);
  ASSERT_TRUE(Arrived(300));
  EXPECT_THAT(controller_.gathered, IsEmpty());
}

TEST_F(ReporterTest, NothingIsLostOrStoredTwiceWhileTheControllerIsAway) {
  StartReporter();
  Spool(1);
  ASSERT_TRUE(Arrived(1));
  controller_.Stop();
  for (int i = 2; i <= 700; ++i) Spool(i);
  controller_.Start();
  ASSERT_TRUE(Arrived(700));
  WaitForAcknowledgement(700);
  for (size_t i = 0; i < 700; ++i) EXPECT_EQ(controller_.reports[i].sequence(), i + 1);
  EXPECT_THAT(Log(), HasSubstr("reports are kept and sent later\nreporting to "));
}

TEST_F(ReporterTest, WhatTheControllerHasAlreadyIsNotSentAgain) {
  for (int i = 1; i <= 5; ++i) Spool(i);
  controller_.Know(3);
  StartReporter();
  WaitForAcknowledgement(5);
  EXPECT_EQ(controller_.reports.size(), 2u);
  EXPECT_EQ(controller_.repeated, 0);
}

TEST_F(ReporterTest, ADamagedReportIsLeftOutAndTheNextOnesCome) {
  ASSERT_TRUE(spool_->Append("\xff\xff\xff").ok());
  Spool(2);
  StartReporter();
  WaitForAcknowledgement(2);
  EXPECT_EQ(controller_.reports.at(0).sequence(), 2u);
}

TEST_F(ReporterTest, AControllerThatIsNotThereIsToldOnceInOneLine) {
  controller_.Stop();
  StartReporter();
  while (Log().empty()) std::this_thread::yield();
  EXPECT_EQ(Log(), "controller " + controller_.address() +
                       ": Connection refused; reports are kept and sent later\n");
}

TEST_F(ReporterTest, EndsWhileAControllerKeepsSilent) {
  controller_.StopAcknowledging();
  Spool(1);
  StartReporter();
  ASSERT_TRUE(Arrived(1));
}

TEST_F(ReporterTest, AnswersTheControllersQuestionForTheTime) {
  v1::StreamResponse question;
  question.mutable_time_question()->set_id(7);
  controller_.SayNext({question});
  const int64_t before = ReadClocks().system.time_since_epoch().count();
  StartReporter();
  ASSERT_TRUE(
      controller_.WaitUntil([](const FakeController& c) { return !c.time_answers.empty(); }));
  const int64_t after = ReadClocks().system.time_since_epoch().count();
  const v1::TimeAnswer answer = controller_.time_answers.at(0);
  EXPECT_EQ(answer.id(), 7u);
  EXPECT_GE(answer.received_ns(), before);
  EXPECT_GE(answer.sent_ns(), answer.received_ns());
  EXPECT_LE(answer.sent_ns(), after);
}

TEST_F(ReporterTest, HandsACommandToTheTimeProcessOnceAndItsAnswerBack) {
  v1::StreamResponse command;
  command.mutable_command()->set_id(99);
  command.mutable_command()->mutable_sync_now()->set_allow_backward(true);
  command.mutable_command()->mutable_sync_now()->set_largest_step_ns(1'000'000);
  controller_.SayNext({command, command});
  StartReporter();
  LocalMessage message;
  pollfd fd{ends_[0], POLLIN, 0};
  ASSERT_EQ(poll(&fd, 1, 30'000), 1);
  ASSERT_EQ(recv(ends_[0], &message, sizeof message, 0), static_cast<ssize_t>(sizeof message));
  EXPECT_EQ(message.kind, LocalMessage::Kind::kSyncNow);
  EXPECT_EQ(message.number, 99u);
  EXPECT_EQ(message.flags, LocalMessage::kAllowBackward);
  EXPECT_EQ(message.limit, 1'000'000u);

  LocalMessage result{.kind = LocalMessage::Kind::kResult,
                      .flags = v1::COMMAND_OUTCOME_REFUSED,
                      .number = 99,
                      .offset_before = -5};
  result.SetText("no");
  ASSERT_EQ(send(ends_[0], &result, sizeof result, 0), static_cast<ssize_t>(sizeof result));
  ASSERT_TRUE(controller_.WaitUntil([](const FakeController& c) { return !c.results.empty(); }));
  const v1::CommandResult told = controller_.results.at(0);
  EXPECT_EQ(told.id(), 99u);
  EXPECT_EQ(told.outcome(), v1::COMMAND_OUTCOME_REFUSED);
  EXPECT_EQ(told.text(), "no");
  EXPECT_EQ(told.offset_before_ns(), -5);
  Spool(1);
  WaitForAcknowledgement(1);  // the first message since: the repeated command was not handed over
}

TEST_F(ReporterTest, ACommandOfANewerControllerIsAnsweredNotIgnored) {
  v1::StreamResponse command;
  command.mutable_command()->set_id(5);
  controller_.SayNext({command});
  StartReporter();
  ASSERT_TRUE(controller_.WaitUntil([](const FakeController& c) { return !c.results.empty(); }));
  EXPECT_EQ(controller_.results.at(0).outcome(), v1::COMMAND_OUTCOME_FAILED);
  EXPECT_THAT(controller_.results.at(0).text(), HasSubstr("upgrade"));
}

TEST_F(ReporterTest, TheHelloNamesTheSpoolAndANewSpoolHasAnotherName) {
  StartReporter();
  ASSERT_TRUE(controller_.WaitUntil([](const FakeController& c) { return !c.hellos.empty(); }));
  const std::string id = controller_.hellos.at(0).spool_id();
  EXPECT_EQ(id.size(), 16u);
  EXPECT_EQ(*SpoolReader(folder_ + "/spool").Id(), id);
  const auto again = SpoolWriter::Open({.folder = folder_ + "/spool"});
  EXPECT_EQ(*SpoolReader(folder_ + "/spool").Id(), id) << "of the same spool, opened again";
  const auto other = SpoolWriter::Open({.folder = folder_ + "/other"});
  EXPECT_NE(*SpoolReader(folder_ + "/other").Id(), id);
}

}  // namespace
}  // namespace fleetsync::report
