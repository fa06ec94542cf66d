#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/status.h"
#include "controller/ssh/forward_channel.h"
#include "controller/ssh/identities.h"
#include "controller/ssh/known_hosts.h"

struct ssh_session_struct;
struct ssh_channel_struct;
struct ssh_event_struct;
struct ssh_channel_callbacks_struct;
struct ssh_message_struct;
struct ssh_counter_struct;

namespace fleetsync::ssh {

// What a command's channel says. Called from within Session's functions: do not call it back.
class ChannelObserver {
 public:
  virtual ~ChannelObserver() = default;
  virtual void OnData(std::string_view bytes, bool is_stderr) = 0;
  virtual void OnExitStatus(int code) = 0;
  virtual void OnExitSignal(std::string_view name) = 0;
  virtual void OnChannelClosed() = 0;
};

// One client session of libssh over a connected socket. Nothing here blocks but
// AuthenticateByAgent: each function goes as far as the bytes at hand allow, and is called again
// when the socket is ready. One thread at a time.
class Session {
 public:
  enum class Step : uint8_t { kAgain, kDone, kFailed };
  enum class Auth : uint8_t { kAgain, kAccepted, kPartly, kDenied, kFailed };
  // Bits of methods().
  static constexpr unsigned kPassword = 1, kPublicKey = 2, kKeyboardInteractive = 4;

  struct Config {
    std::string user;
    std::vector<std::string> key_types;  // of the host keys to ask for first
  };

  // Takes `fd`, also when it fails.
  static StatusOr<std::unique_ptr<Session>> Create(int fd, const Config& config);
  // Says goodbye when the connection still stands.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  int fd() const { return fd_; }
  // Bytes wait for the socket to become writable.
  bool WantsWrite() const;

  // Banner and key exchange.
  Step Handshake();
  // After the handshake.
  StatusOr<HostKey> ServerKey() const;

  Auth AuthenticateByNone();
  Auth AuthenticateByKey(const SharedKey& key);
  Auth AuthenticateByPassword(const Secret& password);
  // The password as the answer to each hidden question; other questions get an empty one.
  Auth AuthenticateByKeyboard(const Secret& password);
  // Blocks while the agent works, at `agent_socket` (a descriptor this takes at the first call).
  Auth AuthenticateByAgent(int agent_socket);
  // What the server still takes; known after a denial. 0: not known.
  unsigned methods() const;

  // Opens a channel and starts `line` on it: kDone when the server has taken the command. The
  // observer hears of the channel until the next Start or the end of the session.
  Step Start(const std::string& line, ChannelObserver& observer);
  // The server has the request, or will have it before anything written now.
  bool started() const { return opened_; }
  // Takes in what the server sent.
  Step Pump();
  // The connection is gone, whoever noticed it.
  bool lost() const;
  // How much of `bytes` was taken; the rest when the window or the socket has room again.
  size_t Write(std::string_view bytes);
  bool WriteEnd();
  // The same for a channel of a ForwardChannel.
  size_t WriteTo(ssh_channel_struct* channel, std::string_view bytes);
  // The command is over, or could not start: closes our side, so that the next can.
  void CloseChannel();

  // Has the server listen at a port of its loopback address (0: any free one): kDone when it does,
  // kFailed without lost() when it will not. `listener` hears of what connects there until
  // StopListening. session_forward.cc.
  Step Listen(uint16_t port, ForwardListener& listener);
  void StopListening() { listener_ = nullptr; }
  // Asks the server for an answer, unless one is outstanding. After Listen.
  void AskForAnswer();
  // Bytes that came from the server so far.
  uint64_t received() const;

  // What libssh said last, printable.
  std::string Error() const;

 private:
  Session(int fd, ssh_session_struct* session);
  bool SetUp(const Config& config);
  Step OpenChannel(ChannelObserver& observer);
  static int OnMessage(ssh_session_struct* session, ssh_message_struct* message, void* self);

  int fd_;
  ssh_session_struct* session_;
  ssh_event_struct* event_ = nullptr;
  ssh_channel_struct* channel_ = nullptr;
  bool opened_ = false, handed_over_ = false, agent_set_ = false;
  std::string user_;
  std::unique_ptr<ssh_channel_callbacks_struct> callbacks_;
  ForwardListener* listener_ = nullptr;
  std::unique_ptr<ssh_counter_struct> counter_;
};

// The library's own set-up, once a process, before any session.
void InitialiseLibrary();

}  // namespace fleetsync::ssh
