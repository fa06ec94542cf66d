#include "controller/ssh/forwarded_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

namespace fleetsync::ssh {
namespace {

constexpr size_t kBlock = size_t{32} << 10;

bool IsTransient(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

ForwardedConnection::ForwardedConnection(EventLoop& loop, std::unique_ptr<ForwardChannel> channel,
                                         Events events)
    : loop_(loop), channel_(std::move(channel)), events_(std::move(events)) {}

ForwardedConnection::~ForwardedConnection() { CloseSocket(); }

void ForwardedConnection::Start(const SocketAddress& to) {
  dialer_ = std::make_unique<Dialer>(loop_, std::vector<SocketAddress>{to},
                                     [this](int fd, int error) { OnDialed(fd, error); });
  dialer_->Start();
}

void ForwardedConnection::OnDialed(int fd, int error) {
  fd_ = fd;
  if (fd < 0) {
    over_ = true;
  } else {
    const StatusOr<EventLoop::WatchId> watch =
        loop_.Watch(fd, EPOLLIN | EPOLLOUT, [this](uint32_t events) {
          // Told again and again, and cannot be declined: reading and writing tell the rest.
          const bool gone = (events & (EPOLLHUP | EPOLLERR)) != 0;
          if (gone) loop_.Unwatch(std::exchange(watch_, 0));
          readable_ = readable_ || gone || (events & EPOLLIN) != 0;
          writable_ = writable_ || gone || (events & EPOLLOUT) != 0;
          TellReady();
        });
    over_ = !watch.ok();
    if (watch.ok()) watch_ = *watch;
  }
  events_.on_dialed(error);
  TellReady();
}

void ForwardedConnection::TellReady() {
  const std::function<void()> on_ready = events_.on_ready;  // this may end in it
  on_ready();
}

bool ForwardedConnection::Carry() {
  if (fd_ < 0 && channel_->closed()) over_ = true;
  if (over_ || fd_ < 0) return false;
  bool moved = CarryIn();
  if (!over_) moved = CarryOut() || moved;
  if (channel_->overrun() || (channel_->closed() && channel_->ended()) || (in_ended_ && out_ended_))
    over_ = true;
  return moved;
}

bool ForwardedConnection::CarryIn() {
  if (in_ended_ || !writable_) return false;
  const std::string_view bytes = channel_->received();
  if (bytes.empty()) {
    if (!channel_->ended()) return false;
    shutdown(fd_, SHUT_WR);
    in_ended_ = true;
    return true;
  }
  const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n >= 0) {
    channel_->Take(static_cast<size_t>(n));
    return true;
  }
  if (IsTransient(errno))
    writable_ = false;
  else
    over_ = true;
  return false;
}

bool ForwardedConnection::CarryOut() {
  if (out_ended_) return false;
  if (out_.empty() && readable_) {
    out_.resize(kBlock);
    const ssize_t n = recv(fd_, out_.data(), out_.size(), MSG_DONTWAIT);
    const int error = n < 0 ? errno : 0;
    out_.resize(n > 0 ? static_cast<size_t>(n) : 0);
    if (n == 0) out_ended_ = channel_->WriteEnd();
    if (IsTransient(error))
      readable_ = false;
    else if (error != 0)
      over_ = true;
    if (n <= 0) return n == 0;
  }
  if (out_.empty()) return false;
  const size_t written = channel_->Write(std::string_view(out_).substr(out_at_));
  out_at_ += written;
  if (out_at_ == out_.size()) {
    out_.clear();
    out_at_ = 0;
  }
  return written > 0;
}

void ForwardedConnection::UpdateInterest() {
  if (watch_ == 0) return;
  uint32_t events = 0;
  if (!out_ended_ && out_.empty() && !readable_) events |= EPOLLIN;
  if (!in_ended_ && !writable_) events |= EPOLLOUT;
  loop_.Change(watch_, events);
}

void ForwardedConnection::CloseSocket() {
  dialer_.reset();
  if (watch_ != 0) loop_.Unwatch(std::exchange(watch_, 0));
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

}  // namespace fleetsync::ssh
