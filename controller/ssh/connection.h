#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/ssh/authenticator.h"
#include "controller/ssh/command_run.h"
#include "controller/ssh/conversation.h"
#include "controller/ssh/dialer.h"
#include "controller/ssh/forward_run.h"
#include "controller/ssh/run_context.h"
#include "controller/ssh/session.h"
#include "controller/ssh/subprocess.h"
#include "controller/ssh/target.h"
#include "inventory/inventory.h"

namespace fleetsync::ssh {

// One host of a run, from its name to the end of its conversation: a state machine on the event
// loop. What blocks is done in the pool; answers that come after the end are dropped.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Who runs the connections. Called on the loop's thread, from within the connection's functions:
  // it may not destroy the connection there.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void OnStage(Connection& connection, Stage stage) = 0;
    // Wants to go through `bastion`: answer with OnBastion, now or later.
    virtual void OnNeedsBastion(Connection& connection, const std::string& bastion) = 0;
    // Is ready, or has been silent for so long that others should not wait for it.
    virtual void OnSetUp(Connection& connection) = 0;
    virtual void OnEnded(Connection& connection) = 0;
  };

  // `run` is shared because a session that is lent to the pool may come back after the run.
  Connection(std::shared_ptr<RunContext> run, Owner& owner, const inventory::Host& host,
             std::unique_ptr<Conversation> conversation);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Begin();
  void OnBastion();
  // Ends it with kInterrupted, unless it has ended.
  void Interrupt();

  const inventory::Host& host() const { return host_; }
  Conversation& conversation() { return *conversation_; }
  bool ended() const { return state_ == State::kEnded; }
  // Ended, but the pool has its session still.
  bool lent() const { return lent_; }
  // After the end: null when the conversation was done.
  const Failure* failure() const { return failure_ ? &*failure_ : nullptr; }
  // The bastion whose place it holds or waits for; empty: none.
  const std::string& bastion() const { return bastion_; }

 private:
  enum class State : uint8_t {
    kIdle,
    kConfiguring,  // ssh -G
    kAwaitingBastion,
    kResolving,
    kDialing,
    kBackingOff,  // before another try to connect
    kHandshake,
    kAcceptingKey,  // known_hosts is being written
    kAwaitingSecret,
    kAuthenticating,
    kLent,      // the session is in the pool
    kStarting,  // a command, until the server has taken it
    kRunning,
    kForwarding,
    kEnded,
  };

  // connection_setup.cc: as far as a connected socket.
  void OnConfigured(const SshConfig& config);
  void StartConnecting();
  void ResolveName();
  void Dial(std::vector<SocketAddress> addresses);
  void OnDialed(int fd, int error);
  void StartProxy();
  void OnProxyErrors();
  void OnConnectFailed(Failure failure);
  void StartHandshake(int fd);

  // connection_trust.cc: host key and authentication.
  void CheckHostKey();
  void AcceptHostKey(const HostKey& key);
  void StartAuthentication();
  void Authenticate(std::shared_ptr<const Secret> password);
  void OnAuthenticatorStep(Authenticator::Step step);
  void Lend();

  // connection_forward.cc
  void StartForward(const Conversation::Forward& forward);
  void AdvanceForward();

  // connection.cc
  void OnSocket(uint32_t events);
  void Advance();
  void AdvanceHandshake();
  void OnReady();
  void Perform(Conversation::Next next);
  void StartCommand(Command command);
  void BeginCommand(std::shared_ptr<const Secret> become_password);
  void AdvanceCommand();
  void OnCommandRefused();
  void AfterPump(bool alive);
  bool EndsCommand(bool alive);
  void OnCommandClosed();
  bool NeedsBecome(const Command& command) const;

  void SetDeadline(Duration after);
  void OnDeadline();
  void EnterStage(Stage stage);
  void ListenAgain();
  void StopListening();
  void UpdateInterest();
  void Fail(Fault fault, std::string detail, std::string next_step = "");
  void FailWith(Failure failure);
  void Finish();
  void CancelTimers();
  void Close();
  std::string LostText() const;

  // Runs `work` in the pool and `then` with what it returned on the loop, unless this has ended or
  // left `state` meanwhile.
  template <typename Result>
  void InPool(std::function<Result()> work, std::function<void(Result)> then);

  const std::shared_ptr<RunContext> run_;
  Owner& owner_;
  const inventory::Host& host_;
  std::unique_ptr<Conversation> conversation_;
  State state_ = State::kIdle;
  Stage stage_ = Stage::kResolve;
  Target target_;
  std::string bastion_;
  int tries_left_ = 0;
  MonoTime connect_end_{};  // all tries together
  std::optional<EventLoop::TimerId> deadline_, patience_, retry_;
  std::unique_ptr<Dialer> dialer_;
  std::optional<PipedProgram> proxy_;
  EventLoop::WatchId proxy_errors_watch_ = 0;
  std::string proxy_errors_;
  EventLoop::WatchId watch_ = 0;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Authenticator> authenticator_;
  Command next_command_;
  Duration command_deadline_{};
  int open_tries_left_ = 0;
  std::unique_ptr<CommandRun> command_;
  std::unique_ptr<ForwardRun> forward_;
  bool set_up_told_ = false, lent_ = false;
  std::optional<Failure> failure_;
};

template <typename Result>
void Connection::InPool(std::function<Result()> work, std::function<void(Result)> then) {
  run_->pool().Run([work = std::move(work), then = std::move(then),
                    mailbox = run_->loop().mailbox(), weak = weak_from_this(), state = state_] {
    auto result = std::make_shared<Result>(work());
    mailbox->Post([then, weak, state, result] {
      const std::shared_ptr<Connection> self = weak.lock();
      if (self != nullptr && self->state_ == state) then(std::move(*result));
    });
  });
}

}  // namespace fleetsync::ssh
