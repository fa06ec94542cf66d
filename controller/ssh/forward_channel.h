#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct ssh_channel_struct;
struct ssh_channel_callbacks_struct;
struct ssh_session_struct;

namespace fleetsync::ssh {

class Session;

// One connection to the port that a host listens on for us: bytes both ways, each with an end of
// its own. What arrives is noted from within libssh, so this may change in any call of the session
// or of its other channels. Belongs to the session's thread, and ends before the session.
class ForwardChannel {
 public:
  // Takes `channel`.
  ForwardChannel(Session& session, ssh_channel_struct* channel);
  // Closes our side.
  ~ForwardChannel();
  ForwardChannel(const ForwardChannel&) = delete;
  ForwardChannel& operator=(const ForwardChannel&) = delete;

  // What the host has sent and was not taken yet. What is not taken fills the window of the
  // channel, some 2 MB, and then the host waits.
  std::string_view received() const { return std::string_view(received_).substr(received_at_); }
  void Take(size_t size);
  // The host sends no more, and all was taken.
  bool ended() const { return ended_ && received().empty() && unread_ == 0; }
  // The host has closed it: nothing can be written.
  bool closed() const { return closed_; }
  // The host sent more than it may.
  bool overrun() const { return overrun_; }

  // How much of `bytes` was taken; the rest when the window or the socket has room again.
  size_t Write(std::string_view bytes);
  bool WriteEnd();

 private:
  static int OnData(ssh_session_struct* session, ssh_channel_struct* channel, void* data,
                    uint32_t size, int is_stderr, void* self);
  size_t Receive(std::string_view bytes);
  void ReadWhatLibraryHolds();

  Session& session_;
  ssh_channel_struct* const channel_;
  const std::unique_ptr<ssh_channel_callbacks_struct> callbacks_;
  std::string received_;
  size_t received_at_ = 0;
  size_t unread_ = 0;  // in libssh's buffer
  bool ended_ = false, closed_ = false, overrun_ = false;
};

// Who takes what connects to a host's port. Called from within Session's functions: do not call it
// back.
class ForwardListener {
 public:
  virtual ~ForwardListener() = default;
  // No: the host is told that the connection is refused.
  virtual bool TakesChannel() = 0;
  virtual void OnChannel(std::unique_ptr<ForwardChannel> channel) = 0;
};

}  // namespace fleetsync::ssh
