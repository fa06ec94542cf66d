// The part of libssh that listens on the host. Sessions and commands are session.cc's.
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include <algorithm>
#include <utility>

#include "controller/ssh/forward_channel.h"
#include "controller/ssh/session.h"

namespace fleetsync::ssh {
namespace {

constexpr const char* kHostLoopback = "127.0.0.1";
constexpr size_t kReceiveAhead = size_t{64} << 10;
// libssh lets a host send at most 1.9 MB that are not taken: this one does not keep to it.
constexpr size_t kMostUnread = size_t{4} << 20;

}  // namespace

// Called by libssh for requests of the server that it does not answer itself. 1: it is refused.
int Session::OnMessage(ssh_session, ssh_message message, void* self) {
  auto& session = *static_cast<Session*>(self);
  if (ssh_message_type(message) != SSH_REQUEST_CHANNEL_OPEN ||
      ssh_message_subtype(message) != SSH_CHANNEL_FORWARDED_TCPIP || session.listener_ == nullptr ||
      !session.listener_->TakesChannel())
    return 1;
  ssh_channel channel = ssh_message_channel_request_open_reply_accept(message);
  if (channel == nullptr) return 1;
  session.listener_->OnChannel(std::make_unique<ForwardChannel>(session, channel));
  return 0;
}

Session::Step Session::Listen(uint16_t port, ForwardListener& listener) {
  listener_ = &listener;
  if (counter_ == nullptr) {
    counter_ = std::make_unique<ssh_counter_struct>();
    ssh_set_counters(session_, counter_.get(), nullptr);
    ssh_set_message_callback(session_, &Session::OnMessage, this);
  }
  switch (ssh_channel_listen_forward(session_, kHostLoopback, port, nullptr)) {
    case SSH_OK:
      return Step::kDone;
    case SSH_AGAIN:
      return Step::kAgain;
    default:
      return Step::kFailed;
  }
}

// libssh notes the answer to one such request, and the next call takes the note without asking
// again: so there are two calls.
void Session::AskForAnswer() {
  ssh_send_keepalive(session_);
  ssh_send_keepalive(session_);
}

uint64_t Session::received() const { return counter_ == nullptr ? 0 : counter_->in_bytes; }

ForwardChannel::ForwardChannel(Session& session, ssh_channel channel)
    : session_(session),
      channel_(channel),
      callbacks_(std::make_unique<ssh_channel_callbacks_struct>()) {
  callbacks_->size = sizeof(ssh_channel_callbacks_struct);
  callbacks_->userdata = this;
  callbacks_->channel_data_function = OnData;
  callbacks_->channel_eof_function = [](ssh_session, ssh_channel, void* self) {
    static_cast<ForwardChannel*>(self)->ended_ = true;
  };
  callbacks_->channel_close_function = [](ssh_session, ssh_channel, void* self) {
    auto& closed = *static_cast<ForwardChannel*>(self);
    closed.ended_ = closed.closed_ = true;
  };
  ssh_set_channel_callbacks(channel_, callbacks_.get());
}

ForwardChannel::~ForwardChannel() {
  ssh_remove_channel_callbacks(channel_, callbacks_.get());
  if (session_.lost()) return;  // freed with the session
  // As in Session::CloseChannel.
  if (ssh_channel_close(channel_) == SSH_AGAIN) ssh_channel_close(channel_);
  ssh_channel_free(channel_);
}

int ForwardChannel::OnData(ssh_session, ssh_channel, void* data, uint32_t size, int is_stderr,
                           void* self) {
  const std::string_view bytes(static_cast<const char*>(data), size);
  if (is_stderr != 0) return static_cast<int>(size);
  return static_cast<int>(static_cast<ForwardChannel*>(self)->Receive(bytes));
}

// How much is taken of all that libssh holds for this channel. What is not taken keeps the window
// from growing.
size_t ForwardChannel::Receive(std::string_view bytes) {
  const size_t held = received().size();
  const size_t room = held < kReceiveAhead ? kReceiveAhead - held : 0;
  size_t taken = std::min(room, bytes.size());
  received_.append(bytes.substr(0, taken));
  if (bytes.size() - taken > kMostUnread) {
    overrun_ = true;
    taken = bytes.size();
  }
  unread_ = bytes.size() - taken;
  return taken;
}

void ForwardChannel::Take(size_t size) {
  received_at_ += size;
  if (received_at_ < received_.size() && received_at_ < kReceiveAhead) return;
  received_.erase(0, std::exchange(received_at_, 0));
  if (!received_.empty()) return;
  if (received_.capacity() > kReceiveAhead) received_ = std::string();
  if (unread_ > 0) ReadWhatLibraryHolds();
}

// All of it at once: libssh opens the window again whenever it is read from, whatever is left, so
// that reading in pieces would let the host send without end.
void ForwardChannel::ReadWhatLibraryHolds() {
  std::string all(unread_, '\0');
  const int n =
      ssh_channel_read_nonblocking(channel_, all.data(), static_cast<uint32_t>(all.size()), 0);
  unread_ = 0;
  if (n > 0) received_.append(all, 0, static_cast<size_t>(n));
}

size_t ForwardChannel::Write(std::string_view bytes) {
  return closed_ ? 0 : session_.WriteTo(channel_, bytes);
}

bool ForwardChannel::WriteEnd() { return closed_ || ssh_channel_send_eof(channel_) != SSH_ERROR; }

}  // namespace fleetsync::ssh
