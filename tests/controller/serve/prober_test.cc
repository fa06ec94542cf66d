#include "controller/serve/prober.h"

#include <memory>
#include <thread>
#include <vector>

#include "db/reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/db/report_builder.h"
#include "tests/db/temporary_folder.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

struct Link : AgentLink {
  void End(const Status&) override {}
  void Cancel() override {}
  void Send(const v1::Command&) override {}
  void OnTick(Now) override {}
};

// Who was asked, look by look.
class Looks {
 public:
  // Every host answers.
  Probe AsProbe() {
    return [this](const std::set<std::string>& hosts, const std::function<void(db::Report)>& learnt,
                  const std::atomic<bool>&) {
      for (const std::string& host : hosts) learnt(db::ReportOf(host, 100 + looks_.size()));
      const MutexLock lock(mutex_);
      looks_.push_back(hosts);
      changed_.notify_all();
    };
  }
  std::vector<std::set<std::string>> Await(size_t count) {
    const MutexLock lock(mutex_);
    while (looks_.size() < count) changed_.wait(mutex_);
    return looks_;
  }

 private:
  Mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<std::set<std::string>> looks_;
};

TEST(Prober, HostsWithoutAnAgentAreLookedAtAgainAndAgain) {
  const TemporaryFolder folder;
  const auto writer = *db::Writer::Open(folder.File("fleet.db"));
  const CurrentFleet fleet(ServedFleet::Of({{.name = "web01"}, {.name = "web02"}}));
  AgentTable agents(1);
  const auto link = std::make_shared<Link>();
  agents.Add(link);
  agents.Introduce("web02", link);
  Looks looks;
  {
    StoreWriter store(*writer, {});
    const Prober prober(looks.AsProbe(), 1ms, fleet, agents, store);
    EXPECT_THAT(looks.Await(2)[1], ElementsAre("web01"));
    const auto reader = *db::Reader::Open(folder.File("fleet.db"));
    // What the first look learnt is stored while the others go on.
    while ((*reader->Reports("web01", 0, 10)).size() < 2) std::this_thread::yield();
    const std::vector<db::Report> reports = *reader->Reports("web01", 0, 10);
    EXPECT_EQ(reports[0].sequence, 1u);
    EXPECT_EQ(reports[1].sequence, 2u);
    EXPECT_EQ(reports[0].offset, 100us);
    EXPECT_TRUE((*reader->Reports("web02", 0, 10)).empty());
  }
  agents.Remove(link, "web02");
}

TEST(Prober, EndsAtOnceHoweverLongItsInterval) {
  const TemporaryFolder folder;
  const auto writer = *db::Writer::Open(folder.File("fleet.db"));
  const CurrentFleet fleet(ServedFleet::Of({{.name = "web01"}}));
  AgentTable agents(1);
  StoreWriter store(*writer, {});
  Looks looks;
  const Prober prober(looks.AsProbe(), 24h, fleet, agents, store);
}

}  // namespace
}  // namespace fleetsync::serve
