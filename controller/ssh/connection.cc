#include "controller/ssh/connection.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <utility>
#include <variant>

#include "base/overloaded.h"
#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

constexpr Duration kReopenDelay = std::chrono::milliseconds(20);
constexpr int kReopenTries = 5;

std::string Nonce(std::mt19937_64& random) { return fmt::format("{:016x}", random()); }

}  // namespace

Connection::Connection(std::shared_ptr<RunContext> run, Owner& owner, const inventory::Host& host,
                       std::unique_ptr<Conversation> conversation)
    : run_(std::move(run)), owner_(owner), host_(host), conversation_(std::move(conversation)) {}

Connection::~Connection() { Close(); }

void Connection::OnSocket(uint32_t) {
  Advance();
  UpdateInterest();
}

void Connection::Advance() {
  switch (state_) {
    case State::kHandshake:
      return AdvanceHandshake();
    case State::kAuthenticating:
      return OnAuthenticatorStep(authenticator_->Advance());
    case State::kStarting:
      // While it waits to open a channel, what comes is taken in all the same.
      if (retry_ && session_->Pump() == Session::Step::kFailed)
        return Fail(Fault::kDisconnected, LostText());
      if (!retry_) AdvanceCommand();
      return;
    case State::kRunning:
      return AfterPump(session_->Pump() != Session::Step::kFailed);
    case State::kForwarding:
      return AdvanceForward();
    case State::kIdle:
    case State::kConfiguring:
    case State::kAwaitingBastion:
    case State::kResolving:
    case State::kDialing:
    case State::kBackingOff:
    case State::kAcceptingKey:
    case State::kAwaitingSecret:
    case State::kLent:
    case State::kEnded:
      return;
  }
}

void Connection::OnReady() {
  if (patience_) run_->loop().Cancel(*patience_);
  patience_.reset();
  if (!std::exchange(set_up_told_, true)) owner_.OnSetUp(*this);
  Perform(conversation_->OnReady(run_->loop().now()));
}

// What the conversation wants when no command runs.
void Connection::Perform(Conversation::Next next) {
  std::visit(
      Overloaded{[this](Conversation::RunCommand& run) { StartCommand(std::move(run.command)); },
                 [this](Conversation::Done&) { Finish(); },
                 [this](Conversation::Send&) {
                   Fail(Fault::kProtocol, "input without a command to read it");
                 },
                 [this](Conversation::Forward& forward) { StartForward(forward); },
                 [this](Conversation::Wait&) {
                   Fail(Fault::kProtocol, "nothing runs that could be waited for");
                 }},
      next);
}

bool Connection::NeedsBecome(const Command& command) const {
  return command.become && host_.connection.become != inventory::Become::kNone &&
         target_.user != "root";
}

void Connection::StartCommand(Command command) {
  SetDeadline(command.deadline);
  command_deadline_ = command.deadline;
  next_command_ = std::move(command);
  if (!NeedsBecome(next_command_)) return BeginCommand(nullptr);
  const inventory::Connection& given = host_.connection;
  // sudo's password is the login password unless another is named. It goes to the host's own sudo
  // alone, and only when that asks.
  const std::optional<inventory::SecretSource>& source =
      given.become_password_source ? given.become_password_source : given.password_source;
  if (!given.become_password_source && !given.password.empty())
    return BeginCommand(std::make_shared<const Secret>(given.password.Clone()));
  if (!source) return BeginCommand(nullptr);
  state_ = State::kAwaitingSecret;
  EnterStage(Stage::kBecome);
  StopListening();
  run_->secrets().Get(*source, [weak = weak_from_this()](const SecretStore::Result& secret) {
    const std::shared_ptr<Connection> self = weak.lock();
    if (self == nullptr || self->state_ != State::kAwaitingSecret) return;
    if (!secret.ok())
      return self->Fail(Fault::kDenied, "the become password: " + Message(secret.status()),
                        "correct the host's become_password_file (or _env, _command)");
    self->ListenAgain();
    self->BeginCommand(*secret);
    self->UpdateInterest();
  });
}

void Connection::BeginCommand(std::shared_ptr<const Secret> become_password) {
  std::unique_ptr<Become> become;
  if (NeedsBecome(next_command_))
    become = std::make_unique<Become>(host_.connection.become, become_password != nullptr,
                                      Nonce(run_->random()));
  command_ = std::make_unique<CommandRun>(std::move(next_command_), std::move(become),
                                          std::move(become_password), *conversation_);
  state_ = State::kStarting;
  EnterStage(Stage::kCommand);
  open_tries_left_ = kReopenTries;
  AdvanceCommand();
}

void Connection::AdvanceCommand() {
  const Session::Step step = session_->Start(command_->Line(), *command_);
  if (step == Session::Step::kFailed && !command_->closed()) return OnCommandRefused();
  if (step == Session::Step::kDone) state_ = State::kRunning;
  AfterPump(true);
}

void Connection::OnCommandRefused() {
  const std::string text = LostText();
  if (session_->Pump() == Session::Step::kFailed) return Fail(Fault::kDisconnected, text);
  if (session_->started() || open_tries_left_ == 0)
    return Fail(Fault::kProtocol, text, "does the host let this user run commands?");
  // With MaxSessions 1 sshd counts the channel of the command before until its next turn.
  --open_tries_left_;
  session_->CloseChannel();
  retry_ = run_->loop().After(kReopenDelay, [this] {
    retry_.reset();
    AdvanceCommand();
    UpdateInterest();
  });
}

// Acts on what the command's output brought about, and writes what the host takes now. libssh takes
// in what has arrived while it writes, after which the socket may stay silent: that is acted on
// too.
void Connection::AfterPump(bool alive) {
  while (!EndsCommand(alive)) {
    if (!command_->Feed(*session_) && !session_->lost()) return;
    alive = !session_->lost();
  }
}

bool Connection::EndsCommand(bool alive) {
  const CommandRun& command = *command_;
  if (command.too_long()) {
    Fail(Fault::kOutputTooLong,
         fmt::format("the command wrote more than {} bytes", command.command().max_output),
         "let it write less");
  } else if (command.misused()) {
    Fail(Fault::kProtocol, "a second command while one runs");
  } else if (command.become() != nullptr && command.become()->refused()) {
    FailWith(command.become()->WhyNot(nullptr, target_.user));
  } else if (command.done()) {
    Finish();
  } else if (command.closed()) {
    OnCommandClosed();
  } else if (!alive) {
    Fail(Fault::kDisconnected, LostText(), "what the command did is not known");
  } else {
    return false;
  }
  return true;
}

void Connection::OnCommandClosed() {
  const std::unique_ptr<CommandRun> ended = std::move(command_);
  if (ended->never_began()) return FailWith(ended->become()->WhyNot(ended->exit(), target_.user));
  if (ended->exit() == nullptr)
    return Fail(Fault::kProtocol, "the command ended without an exit status");
  session_->CloseChannel();
  Perform(conversation_->OnExit(run_->loop().now(), *ended->exit()));
}

void Connection::SetDeadline(Duration after) {
  if (deadline_) run_->loop().Cancel(*deadline_);
  deadline_ = run_->loop().After(after, [this] {
    deadline_.reset();
    OnDeadline();
  });
}

void Connection::OnDeadline() {
  const FleetOptions& options = run_->options();
  switch (stage_) {
    case Stage::kResolve:
    case Stage::kConnect:
    case Stage::kHostKey:
      return Fail(Fault::kTimedOut,
                  fmt::format("no answer within {}", FormatDuration(options.connect_deadline)),
                  "is the host up, and does the firewall let us in?");
    case Stage::kAuthenticate:
      return Fail(Fault::kTimedOut,
                  fmt::format("not done within {}", FormatDuration(options.authenticate_deadline)));
    case Stage::kForward:
      return Fail(Fault::kTimedOut, "sshd did not answer the request to listen");
    case Stage::kBecome:
    case Stage::kCommand:
      break;
  }
  if (command_ == nullptr || !command_->never_began())
    return Fail(Fault::kTimedOut,
                fmt::format("the command did not end within {}", FormatDuration(command_deadline_)),
                "give it longer with --timeout");
  Failure failure = command_->become()->WhyNot(nullptr, target_.user);
  failure.fault = Fault::kTimedOut;
  FailWith(std::move(failure));
}

void Connection::Interrupt() {
  if (state_ == State::kEnded) return;
  const bool running = state_ == State::kStarting || state_ == State::kRunning;
  Fail(Fault::kInterrupted,
       running ? "interrupted while a command ran: what it did is not known" : "interrupted");
}

void Connection::EnterStage(Stage stage) {
  stage_ = stage;
  owner_.OnStage(*this, stage);
}

void Connection::ListenAgain() {
  const StatusOr<EventLoop::WatchId> watch =
      run_->loop().Watch(session_->fd(), EPOLLIN, [this](uint32_t events) { OnSocket(events); });
  if (watch.ok()) watch_ = *watch;
}

void Connection::StopListening() {
  if (watch_ != 0) run_->loop().Unwatch(std::exchange(watch_, 0));
}

void Connection::UpdateInterest() {
  if (watch_ == 0) return;
  const uint32_t out = session_->WantsWrite() ? static_cast<uint32_t>(EPOLLOUT) : 0;
  run_->loop().Change(watch_, EPOLLIN | out);
}

std::string Connection::LostText() const {
  std::string text = session_ == nullptr ? "" : session_->Error();
  constexpr std::string_view kPrefix = "Socket error: ";
  if (text.starts_with(kPrefix)) text = text.substr(kPrefix.size());
  if (text.empty() || text == "disconnected") text = "the host closed the connection";
  return text;
}

void Connection::Fail(Fault fault, std::string detail, std::string next_step) {
  FailWith({.stage = stage_,
            .fault = fault,
            .detail = std::move(detail),
            .next_step = std::move(next_step)});
}

void Connection::FailWith(Failure failure) {
  failure_ = std::move(failure);
  state_ = State::kEnded;
  CancelTimers();
  if (!lent_) Close();  // a lent session is closed when it comes back
  conversation_->OnFailed(*failure_);
  owner_.OnEnded(*this);
}

void Connection::Finish() {
  state_ = State::kEnded;
  CancelTimers();
  Close();
  owner_.OnEnded(*this);
}

void Connection::CancelTimers() {
  for (std::optional<EventLoop::TimerId>* timer : {&deadline_, &patience_, &retry_}) {
    if (*timer) run_->loop().Cancel(**timer);
    timer->reset();
  }
}

// Releases all that stands between us and the host.
void Connection::Close() {
  StopListening();
  dialer_.reset();
  authenticator_.reset();
  forward_.reset();
  session_.reset();
  command_.reset();
  if (proxy_errors_watch_ != 0) run_->loop().Unwatch(std::exchange(proxy_errors_watch_, 0));
  if (proxy_) close(proxy_->ends().errors);
  proxy_.reset();
  proxy_errors_.clear();
}

}  // namespace fleetsync::ssh
