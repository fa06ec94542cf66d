#include "controller/ssh/event_loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/clock_read.h"
#include "controller/ssh/blocking_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::ssh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

std::unique_ptr<EventLoop> NewLoop() { return *EventLoop::Create(); }

TEST(EventLoop, TimersFireInTheOrderOfTheirDeadlinesAndEqualOnesInOrderOfCreation) {
  const auto loop = NewLoop();
  std::vector<int> fired;
  const MonoTime when = loop->now().mono + milliseconds(5);
  loop->At(when + milliseconds(1), [&] { fired.push_back(4); });
  loop->At(when, [&] { fired.push_back(1); });
  loop->At(when, [&] { fired.push_back(2); });
  loop->At(when, [&] { fired.push_back(3); });
  while (fired.size() < 4) loop->Turn(seconds(10));
  EXPECT_THAT(fired, ElementsAre(1, 2, 3, 4));
}

TEST(EventLoop, ATimerThatIsCancelledByAnotherOfTheSameTurnDoesNotFire) {
  const auto loop = NewLoop();
  bool second_fired = false, third_fired = false;
  EventLoop::TimerId second;
  const MonoTime when = loop->now().mono + milliseconds(1);
  loop->At(when, [&] { loop->Cancel(second); });
  second = loop->At(when, [&] { second_fired = true; });
  loop->At(when, [&] { third_fired = true; });
  while (!third_fired) loop->Turn(seconds(10));
  EXPECT_FALSE(second_fired);
}

TEST(EventLoop, NoTimerFiresBeforeItsTime) {
  const auto loop = NewLoop();
  bool fired = false;
  const MonoTime when = ReadClocks().mono + milliseconds(3);
  loop->At(when, [&] { fired = true; });
  while (!fired) loop->Turn(seconds(10));
  EXPECT_GE(ReadClocks().mono, when);
}

struct Pipe {
  Pipe() { EXPECT_EQ(pipe(ends), 0); }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  void Write() const { EXPECT_EQ(write(ends[1], "x", 1), 1); }
  int ends[2];
};

TEST(EventLoop, AWatchRemovedByAnotherHandlerOfTheSameTurnIsNotCalled) {
  const auto loop = NewLoop();
  Pipe first, second;
  int calls = 0;
  EventLoop::WatchId ids[2];
  const auto handler = [&](uint32_t) {
    ++calls;
    for (const EventLoop::WatchId id : ids) loop->Unwatch(id);
  };
  ids[0] = *loop->Watch(first.ends[0], EPOLLIN, handler);
  ids[1] = *loop->Watch(second.ends[0], EPOLLIN, handler);
  first.Write();
  second.Write();
  loop->Turn(seconds(10));
  loop->Turn(Duration::zero());
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, MailOfOtherThreadsRunsInTheLoopsThread) {
  const auto loop = NewLoop();
  int got = 0;
  const std::thread::id here = std::this_thread::get_id();
  std::thread other([mailbox = loop->mailbox(), &got, here] {
    for (int i = 0; i < 100; ++i)
      mailbox->Post([&got, here] {
        EXPECT_EQ(std::this_thread::get_id(), here);
        ++got;
      });
  });
  while (got < 100) loop->Turn(seconds(10));
  other.join();
}

TEST(EventLoop, MailForALoopThatIsGoneIsDropped) {
  auto loop = NewLoop();
  const std::shared_ptr<Mailbox> mailbox = loop->mailbox();
  loop.reset();
  mailbox->Post([] { ADD_FAILURE() << "ran"; });
}

TEST(BlockingPool, RunsAllWorkOnAtMostItsThreads) {
  std::atomic<int> running{0}, most{0}, done{0};
  BlockingPool pool(3);
  for (int i = 0; i < 50; ++i)
    pool.Run([&] {
      const int now = ++running;
      int before = most;
      while (now > before && !most.compare_exchange_weak(before, now)) {
      }
      std::this_thread::yield();
      --running;
      ++done;
    });
  while (done < 50) std::this_thread::yield();
  EXPECT_LE(most, 3);
}

TEST(BlockingPool, DoesNotWaitForeverForWorkThatHangs) {
  const auto release = std::make_shared<std::atomic<bool>>(false);
  const auto ended = std::make_shared<std::atomic<bool>>(false);
  const MonoTime begin = ReadClocks().mono;
  {
    BlockingPool pool(1);
    const auto began = std::make_shared<std::atomic<bool>>(false);
    pool.Run([release, ended, began] {
      *began = true;
      while (!*release) std::this_thread::yield();
      *ended = true;
    });
    while (!*began) std::this_thread::yield();
  }
  EXPECT_GE(ReadClocks().mono - begin, BlockingPool::kGrace - milliseconds(1));
  EXPECT_FALSE(*ended);
  *release = true;
  while (!*ended) std::this_thread::yield();
}

}  // namespace
}  // namespace fleetsync::ssh
