#include "agent/net/resolver.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>

#include "agent/net/address_text.h"
#include "base/mutex.h"

namespace fleetsync::net {

struct Resolver::Shared {
  struct Question {
    uint32_t token;
    std::string name;
    uint16_t port;
  };

  Shared(int read_end, int write_end) : read_fd(read_end), write_fd(write_end) {}
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() {
    close(read_fd);
    close(write_fd);
  }

  const int read_fd;
  const int write_fd;
  Mutex mutex;
  std::condition_variable_any changed;
  std::deque<Question> questions FS_GUARDED_BY(mutex);
  std::vector<Answer> answers FS_GUARDED_BY(mutex);
  bool stopped FS_GUARDED_BY(mutex) = false;
};

Answer ResolveNow(uint32_t token, const std::string& name, uint16_t port) {
  Answer answer{token, {}, {}};
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    answer.error = error == EAI_SYSTEM ? Message(ErrnoStatus(errno, "looking it up"))
                                       : std::string(gai_strerror(error));
    return answer;
  }
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    if (auto address = FromSocketAddress(a->ai_addr, port)) answer.addresses.push_back(*address);
  }
  freeaddrinfo(found);
  if (answer.addresses.empty()) answer.error = "no address of a kind that can be used";
  return answer;
}

namespace {

// Signals are for the loop's thread.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

Resolver::Resolver(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
Resolver::Resolver(Resolver&&) noexcept = default;
Resolver& Resolver::operator=(Resolver&&) noexcept = default;

StatusOr<Resolver> Resolver::Create() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return ErrnoStatus(errno, "opening a pipe");
  return Resolver(std::make_shared<Shared>(ends[0], ends[1]));
}

Resolver::~Resolver() {
  if (!shared_) return;
  MutexLock lock(shared_->mutex);
  shared_->stopped = true;
  shared_->changed.notify_all();
}

void Resolver::Ask(uint32_t token, const std::string& name, uint16_t port) {
  {
    MutexLock lock(shared_->mutex);
    shared_->questions.push_back({token, name, port});
    shared_->changed.notify_all();
  }
  if (std::exchange(started_, true)) return;
  const BlockedSignals blocked;
  std::thread([shared = shared_] {
    for (;;) {
      Shared::Question question;
      {
        shared->mutex.lock();
        while (shared->questions.empty() && !shared->stopped) shared->changed.wait(shared->mutex);
        const bool stopped = shared->stopped;
        if (!stopped) {
          question = std::move(shared->questions.front());
          shared->questions.pop_front();
        }
        shared->mutex.unlock();
        if (stopped) return;
      }
      Answer answer = ResolveNow(question.token, question.name, question.port);
      MutexLock lock(shared->mutex);
      shared->answers.push_back(std::move(answer));
      const char byte = 0;
      // A full pipe already wakes the loop.
      static_cast<void>(!write(shared->write_fd, &byte, 1));
    }
  }).detach();
}

int Resolver::fd() const { return shared_->read_fd; }

std::vector<Answer> Resolver::Take() {
  char bytes[64];
  while (read(shared_->read_fd, bytes, sizeof bytes) > 0) {
  }
  MutexLock lock(shared_->mutex);
  return std::exchange(shared_->answers, {});
}

}  // namespace fleetsync::net
