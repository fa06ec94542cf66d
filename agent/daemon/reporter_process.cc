#include "agent/daemon/reporter_process.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "fmt/format.h"

namespace fleetsync::daemon {
namespace {

using report::LocalMessage;

constexpr Duration kFirstBackOff = std::chrono::seconds(1);
constexpr int kMaxDoublings = 6;                            // to 64 s
constexpr Duration kHealthyLife = std::chrono::minutes(1);  // after which the back-off starts anew
constexpr size_t kMostAtOnce = 64;

std::string DescribeExit(int status) {
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
  return fmt::format("ended with {}", WEXITSTATUS(status));
}

}  // namespace

ReporterProcess::ReporterProcess(std::shared_ptr<ReporterChild> child, Log log)
    : child_(std::move(child)), log_(std::move(log)) {}

ReporterProcess::~ReporterProcess() {
  if (socket_ < 0) return;
  close(socket_);
  child_->Stop();
}

Status ReporterProcess::Launch() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoStatus(errno, "opening a socket pair for the reporter");
  }
  const Status status = child_->Start(ends[1]);
  close(ends[1]);
  if (!status.ok()) {
    close(ends[0]);
    return status;
  }
  socket_ = ends[0];
  return absl::OkStatus();
}

void ReporterProcess::OnTimer(MonoTime now) {
  if (now < start_at_) return;
  started_ = now;
  if (const Status s = Launch(); !s.ok()) {
    log_(Message(s));
    OnDeath(now);
    return;
  }
  start_at_ = MonoTime::max();
}

void ReporterProcess::OnDeath(MonoTime now) {
  if (now - started_ > kHealthyLife) failures_ = 0;
  const Duration wait = kFirstBackOff * (1 << std::min(failures_++, kMaxDoublings));
  start_at_ = now + wait;
  if (socket_ < 0) return;
  const int status = child_->Reap();  // its end of the socket is closed: nothing more to do for it
  log_(fmt::format("the reporter {}; starting it again in {} s", DescribeExit(status),
                   std::chrono::duration_cast<std::chrono::seconds>(wait).count()));
  close(std::exchange(socket_, -1));
}

void ReporterProcess::TellSpooled(uint64_t last) {
  // A full socket: the reporter is busy, and the next message says the same and more.
  Tell({.kind = LocalMessage::Kind::kSpooled, .number = last});
}

void ReporterProcess::Tell(const LocalMessage& message) {
  if (socket_ < 0) return;
  static_cast<void>(send(socket_, &message, sizeof message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

std::vector<LocalMessage> ReporterProcess::OnReadable(MonoTime now) {
  std::vector<LocalMessage> messages;
  std::optional<LocalMessage> acknowledged;
  while (socket_ >= 0 && messages.size() < kMostAtOnce) {
    LocalMessage message;
    const ssize_t size = recv(socket_, &message, sizeof message, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (size <= 0) {
      OnDeath(now);
    } else if (size != sizeof message) {
      continue;
    } else if (message.kind != LocalMessage::Kind::kAcknowledged) {
      messages.push_back(message);
    } else if (!acknowledged || message.number > acknowledged->number) {
      acknowledged = message;
    }
  }
  if (acknowledged) messages.push_back(*acknowledged);
  return messages;
}

}  // namespace fleetsync::daemon
