// This file and session_forward.cc alone drive libssh sessions (identities.cc reads keys with it).
// What libssh 0.10.6 does against its documentation is noted where it matters.
#include "controller/ssh/session.h"

#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

// libssh's own order of preference.
constexpr std::array<std::string_view, 6> kHostKeyAlgorithms{
    "ssh-ed25519",         "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp256", "rsa-sha2-512",        "rsa-sha2-256"};

// All of them, those of the known keys first: a host whose ed25519 key is known must not be
// contradicted by its rsa key.
std::string HostKeyAlgorithms(const std::vector<std::string>& known_types) {
  std::string list;
  for (const bool known : {true, false}) {
    for (const std::string_view algorithm : kHostKeyAlgorithms) {
      const std::string type(algorithm.starts_with("rsa-") ? "ssh-rsa" : algorithm);
      const bool is_known =
          std::find(known_types.begin(), known_types.end(), type) != known_types.end();
      if (is_known != known) continue;
      if (!list.empty()) list += ',';
      list += algorithm;
    }
  }
  return list;
}

ChannelObserver& Observer(void* user_data) { return *static_cast<ChannelObserver*>(user_data); }

int OnData(ssh_session, ssh_channel, void* data, uint32_t size, int is_stderr, void* user_data) {
  Observer(user_data).OnData({static_cast<const char*>(data), size}, is_stderr != 0);
  return static_cast<int>(size);
}
void OnExitStatus(ssh_session, ssh_channel, int code, void* user_data) {
  Observer(user_data).OnExitStatus(code);
}
void OnExitSignal(ssh_session, ssh_channel, const char* name, int, const char*, const char*,
                  void* user_data) {
  Observer(user_data).OnExitSignal(name);
}
void OnClose(ssh_session, ssh_channel, void* user_data) { Observer(user_data).OnChannelClosed(); }

Session::Step ToStep(int result) {
  if (result == SSH_OK) return Session::Step::kDone;
  return result == SSH_AGAIN ? Session::Step::kAgain : Session::Step::kFailed;
}

Session::Auth ToAuth(int result) {
  switch (result) {
    case SSH_AUTH_SUCCESS:
      return Session::Auth::kAccepted;
    case SSH_AUTH_PARTIAL:
      return Session::Auth::kPartly;
    case SSH_AUTH_DENIED:
      return Session::Auth::kDenied;
    case SSH_AUTH_AGAIN:
      return Session::Auth::kAgain;
    default:
      return Session::Auth::kFailed;
  }
}

}  // namespace

void InitialiseLibrary() { ssh_init(); }

Session::Session(int fd, ssh_session_struct* session) : fd_(fd), session_(session) {}

StatusOr<std::unique_ptr<Session>> Session::Create(int fd, const Config& config) {
  ssh_session session = ssh_new();
  if (session == nullptr) {
    close(fd);
    return absl::ResourceExhaustedError("no memory for an SSH session");
  }
  std::unique_ptr<Session> created(new Session(fd, session));
  if (!created->SetUp(config)) return absl::InvalidArgumentError(created->Error());
  return created;
}

bool Session::SetUp(const Config& config) {
  user_ = config.user;
  const std::string algorithms = HostKeyAlgorithms(config.key_types);
  const int off = 0, on = 1;
  // No SSH_OPTIONS_HOST: with it libssh reads the known_hosts files for each session.
  const bool ok = ssh_options_set(session_, SSH_OPTIONS_PROCESS_CONFIG, &off) == SSH_OK &&
                  ssh_options_set(session_, SSH_OPTIONS_SSH_DIR, "/dev/null") == SSH_OK &&
                  ssh_options_set(session_, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") == SSH_OK &&
                  ssh_options_set(session_, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") == SSH_OK &&
                  ssh_options_set(session_, SSH_OPTIONS_NODELAY, &on) == SSH_OK &&
                  ssh_options_set(session_, SSH_OPTIONS_HOSTKEYS, algorithms.c_str()) == SSH_OK &&
                  ssh_options_set(session_, SSH_OPTIONS_USER, user_.c_str()) == SSH_OK &&
                  ssh_options_set(session_, SSH_OPTIONS_FD, &fd_) == SSH_OK;
  ssh_set_blocking(session_, 0);
  return ok;
}

Session::~Session() {
  // libssh closes the descriptor it was given after an error, and only then.
  const bool closed_by_library = handed_over_ && ssh_get_fd(session_) < 0;
  if (event_ != nullptr) {
    ssh_event_remove_session(event_, session_);
    ssh_event_free(event_);
  }
  if (!closed_by_library) {
    ssh_disconnect(session_);  // leaves the descriptor open
    close(fd_);
  }
  ssh_free(session_);
}

bool Session::WantsWrite() const { return (ssh_get_status(session_) & SSH_WRITE_PENDING) != 0; }

Session::Step Session::Handshake() {
  const int result = ssh_connect(session_);
  if (!handed_over_ && ssh_get_fd(session_) >= 0) {
    // libssh makes the socket blocking when it finds it connected: a host that stops reading while
    // a large file goes to it would then stop the whole loop in send().
    fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  handed_over_ = true;
  if (result == SSH_OK && event_ == nullptr) {
    event_ = ssh_event_new();
    if (event_ == nullptr || ssh_event_add_session(event_, session_) != SSH_OK)
      return Step::kFailed;
  }
  return ToStep(result);
}

StatusOr<HostKey> Session::ServerKey() const {
  ssh_key key = nullptr;
  if (ssh_get_server_publickey(session_, &key) != SSH_OK)
    return absl::InternalError("the server has shown no key: " + Error());
  char* base64 = nullptr;
  const int result = ssh_pki_export_pubkey_base64(key, &base64);
  HostKey host_key;
  if (result == SSH_OK) {
    const ssh_keytypes_e type = ssh_key_type(key);
    host_key = {.type = ssh_key_type_to_char(type), .base64 = base64};
    ssh_string_free_char(base64);
  }
  ssh_key_free(key);
  if (result != SSH_OK) return absl::InternalError("the server's key cannot be read");
  return host_key;
}

Session::Auth Session::AuthenticateByNone() { return ToAuth(ssh_userauth_none(session_, nullptr)); }

Session::Auth Session::AuthenticateByKey(const SharedKey& key) {
  return ToAuth(ssh_userauth_publickey(session_, nullptr, key.get()));
}

Session::Auth Session::AuthenticateByPassword(const Secret& password) {
  std::string revealed(password.Reveal());
  const int result = ssh_userauth_password(session_, nullptr, revealed.c_str());
  WipeString(revealed);
  return ToAuth(result);
}

Session::Auth Session::AuthenticateByKeyboard(const Secret& password) {
  int result = ssh_userauth_kbdint(session_, nullptr, nullptr);
  // A server may ask in several rounds; one that never stops is cut off by the deadline.
  while (result == SSH_AUTH_INFO) {
    const int prompts = ssh_userauth_kbdint_getnprompts(session_);
    for (int i = 0; i < prompts; ++i) {
      char echo = 1;
      ssh_userauth_kbdint_getprompt(session_, static_cast<unsigned>(i), &echo);
      std::string answer(echo == 0 ? password.Reveal() : std::string_view());
      ssh_userauth_kbdint_setanswer(session_, static_cast<unsigned>(i), answer.c_str());
      WipeString(answer);
    }
    result = ssh_userauth_kbdint(session_, nullptr, nullptr);
  }
  return ToAuth(result);
}

Session::Auth Session::AuthenticateByAgent(int agent_socket) {
  if (!agent_set_) {
    ssh_set_agent_socket(session_, agent_socket);
    agent_set_ = true;
  }
  return ToAuth(ssh_userauth_agent(session_, nullptr));
}

unsigned Session::methods() const {
  const auto offered = static_cast<unsigned>(ssh_userauth_list(session_, nullptr));
  return ((offered & SSH_AUTH_METHOD_PASSWORD) != 0 ? kPassword : 0) |
         ((offered & SSH_AUTH_METHOD_PUBLICKEY) != 0 ? kPublicKey : 0) |
         ((offered & SSH_AUTH_METHOD_INTERACTIVE) != 0 ? kKeyboardInteractive : 0);
}

Session::Step Session::OpenChannel(ChannelObserver& observer) {
  if (channel_ == nullptr) {
    channel_ = ssh_channel_new(session_);
    if (channel_ == nullptr) return Step::kFailed;
    callbacks_ = std::make_unique<ssh_channel_callbacks_struct>();
    callbacks_->size = sizeof(ssh_channel_callbacks_struct);
    callbacks_->userdata = &observer;
    callbacks_->channel_data_function = OnData;
    callbacks_->channel_exit_status_function = OnExitStatus;
    callbacks_->channel_exit_signal_function = OnExitSignal;
    callbacks_->channel_close_function = OnClose;
    if (ssh_set_channel_callbacks(channel_, callbacks_.get()) != SSH_OK) return Step::kFailed;
  }
  const Step step = ToStep(ssh_channel_open_session(channel_));
  opened_ = step == Step::kDone;
  return step;
}

Session::Step Session::Start(const std::string& line, ChannelObserver& observer) {
  if (!opened_) {
    const Step step = OpenChannel(observer);
    if (step != Step::kDone) return step;
  }
  return ToStep(ssh_channel_request_exec(channel_, line.c_str()));
}

// ssh_channel_read_nonblocking stops pumping after end of file in 0.10, so the exit status would
// never come; an event of the session's own pumps always.
Session::Step Session::Pump() {
  const int result = ssh_event_dopoll(event_, 0);
  return result == SSH_ERROR || lost() ? Step::kFailed : Step::kAgain;
}

bool Session::lost() const {
  // A disconnect message of the server's only shows in the status.
  return (ssh_get_status(session_) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0;
}

size_t Session::Write(std::string_view bytes) { return WriteTo(channel_, bytes); }

size_t Session::WriteTo(ssh_channel channel, std::string_view bytes) {
  // One packet's worth at a time, and only when the last one has left: what libssh holds stays
  // bounded. It would pump (and call back) if the window were empty.
  constexpr size_t kChunk = 32768 - 64;
  size_t written = 0;
  while (!bytes.empty() && !WantsWrite()) {
    const size_t size = std::min({bytes.size(), kChunk, size_t{ssh_channel_window_size(channel)}});
    if (size == 0) break;
    const int n = ssh_channel_write(channel, bytes.data(), static_cast<uint32_t>(size));
    if (n <= 0) break;
    written += static_cast<size_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return written;
}

bool Session::WriteEnd() { return ssh_channel_send_eof(channel_) != SSH_ERROR; }

void Session::CloseChannel() {
  if (channel_ == nullptr) return;
  ssh_remove_channel_callbacks(channel_, callbacks_.get());
  // Sends end of file, then close: the first returns SSH_AGAIN while bytes are queued, which is not
  // an error, but keeps the second from being sent.
  if (opened_ && ssh_channel_close(channel_) == SSH_AGAIN) ssh_channel_close(channel_);
  ssh_channel_free(channel_);
  channel_ = nullptr;
  opened_ = false;
}

std::string Session::Error() const { return Printable(ssh_get_error(session_)); }

}  // namespace fleetsync::ssh
