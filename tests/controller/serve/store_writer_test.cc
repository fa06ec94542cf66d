#include "controller/serve/store_writer.h"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <future>
#include <memory>
#include <optional>

#include "db/reader.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/report_builder.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;

// What the writer has told, collected from its thread.
class Told {
 public:
  OnStored Collect() {
    return [this](uint64_t through) {
      const MutexLock lock(mutex_);
      sequences_.push_back(through);
      changed_.notify_all();
    };
  }
  StoreWriterEvents Events() {
    return {.on_paused = [this](const Status& status) { Set(paused_, status); },
            .on_resumed = [this] { Set(resumed_, absl::OkStatus()); },
            .on_failed = [this](const Status& status) { Set(failed_, status); }};
  }
  std::vector<uint64_t> Await(size_t count) {
    const MutexLock lock(mutex_);
    while (sequences_.size() < count) changed_.wait(mutex_);
    return sequences_;
  }
  Status AwaitPaused() { return AwaitStatus(paused_); }
  Status AwaitResumed() { return AwaitStatus(resumed_); }
  Status AwaitFailed() { return AwaitStatus(failed_); }
  std::vector<uint64_t> sequences() {
    const MutexLock lock(mutex_);
    return sequences_;
  }

 private:
  void Set(std::optional<Status>& event, const Status& status) {
    const MutexLock lock(mutex_);
    event = status;
    changed_.notify_all();
  }
  Status AwaitStatus(const std::optional<Status>& event) {
    const MutexLock lock(mutex_);
    while (!event) changed_.wait(mutex_);
    return *event;
  }

  Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<uint64_t> sequences_;
  std::optional<Status> paused_, resumed_, failed_;
};

class StoreWriterTest : public testing::Test {
 protected:
  StoreWriterTest() : writer_(*db::Writer::Open(path())) {}

  std::string path() const { return folder_.File("fleet.db"); }
  std::vector<uint64_t> Stored(const std::string& host) {
    std::vector<uint64_t> sequences;
    const auto reader = db::Reader::Open(path());
    const std::vector<db::Report> reports = *(*reader)->Reports(host, 0, 1'000'000);
    for (const db::Report& report : reports) sequences.push_back(report.sequence);
    return sequences;
  }

  TemporaryFolder folder_;
  std::unique_ptr<db::Writer> writer_;
  Told told_;
};

TEST_F(StoreWriterTest, WhatIsToldIsOnDisk) {
  StoreWriter store(*writer_, told_.Events());
  for (uint64_t sequence = 1; sequence <= 200; ++sequence) {
    store.Add(Reports{db::ReportOf("web01", sequence)}, [&, sequence](uint64_t through) {
      EXPECT_EQ(through, sequence);
      if (sequence % 50 == 0) {
        EXPECT_GE(Stored("web01").size(), sequence);
      }
      told_.Collect()(through);
    });
  }
  EXPECT_TRUE(std::ranges::is_sorted(told_.Await(200)));
}

TEST_F(StoreWriterTest, AnArrivalIsToldWhatIsStored) {
  StoreWriter store(*writer_, told_.Events());
  store.Add(Reports{db::ReportOf("web01", 12)}, told_.Collect());
  told_.Await(1);
  store.Add(db::Arrival{.host = "web01", .agent_version = "0.1.0", .at = {}}, told_.Collect());
  EXPECT_THAT(told_.Await(2), testing::ElementsAre(12, 12));
}

TEST_F(StoreWriterTest, ReportsOfManyThreadsAreAllStoredOnce) {
  StoreWriter store(*writer_, told_.Events());
  std::vector<std::thread> agents;
  for (int agent = 0; agent < 8; ++agent) {
    agents.emplace_back([&, agent] {
      for (uint64_t sequence = 1; sequence <= 50; ++sequence)
        store.Add(Reports{db::ReportOf(fmt::format("web{}", agent), sequence)}, told_.Collect());
    });
  }
  for (std::thread& agent : agents) agent.join();
  told_.Await(400);
  for (int agent = 0; agent < 8; ++agent)
    EXPECT_EQ(Stored(fmt::format("web{}", agent)).size(), 50u);
}

TEST_F(StoreWriterTest, StoppingWritesWhatIsQueued) {
  StoreWriter store(*writer_, told_.Events());
  for (uint64_t sequence = 1; sequence <= 100; ++sequence)
    store.Add(Reports{db::ReportOf("web01", sequence)}, told_.Collect());
  store.Stop();
  EXPECT_EQ(told_.sequences().size(), 100u);
  EXPECT_EQ(Stored("web01").size(), 100u);
}

TEST_F(StoreWriterTest, AJobRunsOnTheStoreAndItsResultIsTold) {
  StoreWriter store(*writer_, told_.Events(), {.gather = 1h});
  store.Add(Reports{db::ReportOf("web01", 1)}, told_.Collect());
  std::promise<Status> done;
  store.Run([](db::Writer& writer) { return writer.connection().Execute("CREATE TABLE more (x)"); },
            [&](const Status& status) { done.set_value(status); });
  EXPECT_TRUE(done.get_future().get().ok());
  EXPECT_THAT(told_.sequences(), testing::ElementsAre(1)) << "a job lets no report wait";
  std::promise<Status> failed;
  store.Run([](db::Writer& writer) { return writer.connection().Execute("nonsense"); },
            [&](const Status& status) { failed.set_value(status); });
  EXPECT_FALSE(failed.get_future().get().ok());
}

TEST_F(StoreWriterTest, AfterTheEndAJobIsToldThatItIsLate) {
  StoreWriter store(*writer_, told_.Events());
  store.Stop();
  Status told;
  store.Run([](db::Writer&) { return absl::OkStatus(); },
            [&](const Status& status) { told = status; });
  EXPECT_TRUE(absl::IsCancelled(told));
}

TEST_F(StoreWriterTest, ReportsWaitForMoreUntilTheBatchIsFull) {
  StoreWriter store(*writer_, told_.Events(), {.gather = 1h});
  for (uint64_t sequence = 1; sequence <= 511; ++sequence)
    store.Add(Reports{db::ReportOf("web01", sequence)}, told_.Collect());
  EXPECT_TRUE(told_.sequences().empty());
  store.Add(Reports{db::ReportOf("web01", 512)}, told_.Collect());
  EXPECT_EQ(told_.Await(512).size(), 512u);
}

TEST_F(StoreWriterTest, AnArrivalDoesNotWait) {
  StoreWriter store(*writer_, told_.Events(), {.gather = 1h});
  store.Add(Reports{db::ReportOf("web01", 3)}, told_.Collect());
  store.Add(db::Arrival{.host = "web01", .agent_version = "0.1.0", .at = {}}, told_.Collect());
  EXPECT_THAT(told_.Await(2), testing::ElementsAre(3, 3));
}

// Files of this process may not grow, as if the disk were full.
class FullDisk {
 public:
  FullDisk() {
    old_handler_ = signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &saved_);
    rlimit none = saved_;
    none.rlim_cur = 1;
    setrlimit(RLIMIT_FSIZE, &none);
  }
  ~FullDisk() {
    setrlimit(RLIMIT_FSIZE, &saved_);
    signal(SIGXFSZ, old_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit saved_{};
  void (*old_handler_)(int) = SIG_DFL;
};

TEST_F(StoreWriterTest, AFullDiskPausesItAndNothingIsLostWhenThereIsRoomAgain) {
  StoreWriter store(*writer_, told_.Events(), {.retry = 1ms});
  std::optional<FullDisk> full(std::in_place);
  store.Add(Reports{db::ReportOf("web01", 1)}, told_.Collect());
  EXPECT_TRUE(absl::IsResourceExhausted(told_.AwaitPaused()));
  store.Add(Reports{db::ReportOf("web01", 2)}, told_.Collect());
  EXPECT_TRUE(told_.sequences().empty()) << "nothing is acknowledged that is not on disk";

  full.reset();
  EXPECT_TRUE(told_.AwaitResumed().ok());
  EXPECT_THAT(told_.Await(2), testing::ElementsAre(1, 2));
  EXPECT_THAT(Stored("web01"), testing::ElementsAre(1, 2));
}

TEST_F(StoreWriterTest, StoppingOnAFullDiskEndsAndAcknowledgesNothing) {
  StoreWriter store(*writer_, told_.Events(), {.retry = 1h});
  const FullDisk full;
  store.Add(Reports{db::ReportOf("web01", 1)}, told_.Collect());
  EXPECT_TRUE(absl::IsResourceExhausted(told_.AwaitPaused()));
  store.Stop();
  EXPECT_TRUE(told_.sequences().empty());
}

TEST_F(StoreWriterTest, AStoreThatCannotBeWrittenIsToldOnceAndNothingIsAcknowledged) {
  ASSERT_TRUE(writer_->connection().Execute("DROP VIEW fleet; DROP TABLE reports").ok());
  StoreWriter store(*writer_, told_.Events());
  store.Add(Reports{db::ReportOf("web01", 1)}, told_.Collect());
  EXPECT_TRUE(absl::IsInternal(told_.AwaitFailed()));
  store.Stop();
  EXPECT_TRUE(told_.sequences().empty());
}

}  // namespace
}  // namespace fleetsync::serve
