// From a host's name to a connected socket.
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "base/time_text.h"
#include "controller/ssh/connection.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

constexpr Duration kSshConfigDeadline = std::chrono::seconds(10);
constexpr size_t kLongestSshConfig = size_t{256} << 10;
constexpr size_t kLongestProxyErrors = 2048;
constexpr Duration kFirstBackoff = std::chrono::milliseconds(300);
// A host that has not come so far is waiting for the network, not for us: another may begin.
constexpr Duration kPatience = std::chrono::seconds(2);

Fault FaultOfErrno(int error) {
  if (error == ECONNREFUSED) return Fault::kRefused;
  if (error == ETIMEDOUT) return Fault::kTimedOut;
  return Fault::kUnreachable;
}

std::string LastLine(std::string_view text) {
  std::string last;
  for (const std::string_view line : Split(text, '\n'))
    if (!Trim(line).empty()) last = Printable(Trim(line));
  return last;
}

}  // namespace

void Connection::Begin() {
  patience_ = run_->loop().After(kPatience, [this] {
    patience_.reset();
    if (!std::exchange(set_up_told_, true)) owner_.OnSetUp(*this);
  });
  SetDeadline(run_->options().connect_deadline);
  connect_end_ = run_->loop().now().mono + run_->options().connect_deadline;
  EnterStage(Stage::kResolve);
  if (!run_->ssh_config_matters()) return OnConfigured(SshConfig{});
  state_ = State::kConfiguring;
  InPool<StatusOr<std::string>>(
      [argv = SshConfigCommand(run_->options().ssh_config_file, host_.name, host_.connection.user,
                               host_.connection.port)] {
        return RunProgram(argv, kSshConfigDeadline, kLongestSshConfig);
      },
      [this](const StatusOr<std::string>& text) {
        if (text.ok()) return OnConfigured(ParseSshConfig(*text));
        Fail(Fault::kNotFound, Printable(Message(text.status())),
             fmt::format("see what is wrong: ssh -G {}", ShellQuote(host_.name)));
      });
}

void Connection::OnConfigured(const SshConfig& config) {
  target_ = MakeTarget(host_, config, run_->local());
  tries_left_ = run_->options().connect_retries;
  if (!target_.proxy_jump.empty())
    bastion_ = Split(target_.proxy_jump, ',').front();
  else
    bastion_ = target_.proxy_command;
  if (bastion_.empty()) return StartConnecting();
  state_ = State::kAwaitingBastion;
  if (deadline_) run_->loop().Cancel(*deadline_);
  deadline_.reset();
  owner_.OnNeedsBastion(*this, bastion_);
}

void Connection::OnBastion() {
  SetDeadline(run_->options().connect_deadline);
  connect_end_ = run_->loop().now().mono + run_->options().connect_deadline;
  StartConnecting();
}

void Connection::StartConnecting() {
  if (!bastion_.empty()) return StartProxy();
  if (const std::optional<SocketAddress> address = ParseAddress(target_.address, target_.port))
    return Dial({*address});
  ResolveName();
}

void Connection::ResolveName() {
  state_ = State::kResolving;
  EnterStage(Stage::kResolve);
  InPool<StatusOr<std::vector<SocketAddress>>>(
      [name = target_.address, port = target_.port] { return Resolve(name, port); },
      [this](StatusOr<std::vector<SocketAddress>> addresses) {
        if (addresses.ok()) return Dial(*std::move(addresses));
        Fail(Fault::kNotFound, Message(addresses.status()),
             "correct the name, or give the host an address in the inventory");
      });
}

void Connection::Dial(std::vector<SocketAddress> addresses) {
  state_ = State::kDialing;
  EnterStage(Stage::kConnect);
  dialer_ = std::make_unique<Dialer>(run_->loop(), std::move(addresses),
                                     [this](int fd, int error) { OnDialed(fd, error); });
  dialer_->Start();
}

void Connection::OnDialed(int fd, int error) {
  if (fd >= 0) return StartHandshake(fd);
  const std::string text = strerror(error);  // NOLINT(concurrency-mt-unsafe): glibc's is safe here
  OnConnectFailed(
      {.stage = Stage::kConnect,
       .fault = FaultOfErrno(error),
       .detail = fmt::format("{} port {}: {}", Printable(target_.address), target_.port, text),
       .next_step = "is sshd running there, and does the firewall let us in?"});
}

void Connection::StartProxy() {
  EnterStage(Stage::kConnect);
  std::vector<std::string> argv;
  if (!target_.proxy_jump.empty()) {
    const StatusOr<std::vector<Hop>> hops = ParseProxyJump(target_.proxy_jump);
    if (!hops.ok()) return Fail(Fault::kProtocol, Message(hops.status()), "correct proxy_jump");
    const inventory::Connection& given = host_.connection;
    argv = JumpCommand(
        *hops, target_,
        {.config_file = run_->options().ssh_config_file,
         .identities = given.identities,
         .known_hosts = given.known_hosts,
         .accept_new = target_.accept_new || run_->options().accept_new_host_keys,
         .connect_seconds = static_cast<int>(
             std::chrono::ceil<std::chrono::seconds>(run_->options().connect_deadline).count())});
  } else {
    const StatusOr<std::string> line = ExpandProxyCommand(target_.proxy_command, target_);
    if (!line.ok())
      return Fail(Fault::kProtocol, Message(line.status()), "correct ProxyCommand in ssh_config");
    argv = {"/bin/sh", "-c", *line};
  }
  StatusOr<PipedProgram> program = PipedProgram::Start(argv);
  if (!program.ok())
    return Fail(Fault::kUnreachable, Message(program.status()), "install the OpenSSH client");
  proxy_.emplace(*std::move(program));
  const StatusOr<EventLoop::WatchId> watch =
      run_->loop().Watch(proxy_->ends().errors, EPOLLIN, [this](uint32_t) { OnProxyErrors(); });
  if (watch.ok()) proxy_errors_watch_ = *watch;
  StartHandshake(proxy_->ends().socket);
}

void Connection::OnProxyErrors() {
  std::array<char, 1024> block;
  const ssize_t n = read(proxy_->ends().errors, block.data(), block.size());
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    run_->loop().Unwatch(std::exchange(proxy_errors_watch_, 0));
    return;
  }
  proxy_errors_.append(block.data(), static_cast<size_t>(n));
  if (proxy_errors_.size() > kLongestProxyErrors)
    proxy_errors_.erase(0, proxy_errors_.size() - kLongestProxyErrors);
}

void Connection::StartHandshake(int fd) {
  dialer_.reset();
  state_ = State::kHandshake;
  std::vector<std::string> key_types;
  const StatusOr<KnownHosts*> known_hosts = run_->KnownHostsOf(target_.known_hosts);
  if (known_hosts.ok()) {
    key_types = (*known_hosts)->KeyTypes(target_.key_name, target_.port);
    if (key_types.empty() && !target_.inventory_name.empty())
      key_types = (*known_hosts)->KeyTypes(target_.inventory_name, target_.port);
  }
  StatusOr<std::unique_ptr<Session>> session =
      Session::Create(fd, {.user = target_.user, .key_types = std::move(key_types)});
  if (!session.ok())
    return Fail(Fault::kProtocol, Message(session.status()), "correct the host's user or address");
  session_ = *std::move(session);
  ListenAgain();
  AdvanceHandshake();
  UpdateInterest();
}

void Connection::AdvanceHandshake() {
  switch (session_->Handshake()) {
    case Session::Step::kAgain:
      return;
    case Session::Step::kDone:
      return CheckHostKey();
    case Session::Step::kFailed:
      break;
  }
  if (proxy_errors_watch_ != 0) OnProxyErrors();  // why, when it says so
  const std::string proxy_said = LastLine(proxy_errors_);
  OnConnectFailed({.stage = Stage::kConnect,
                   .fault = Fault::kDisconnected,
                   .detail = proxy_said.empty() ? LostText() : proxy_said,
                   .next_step = bastion_.empty() ? "is it an SSH server, and does it let us in?"
                                                 : "is the way through the bastion open?"});
}

// Another try when there is time for it. Not after a timeout: the deadline is for all tries.
void Connection::OnConnectFailed(Failure failure) {
  if (deadline_) run_->loop().Cancel(*deadline_);
  deadline_.reset();
  Close();
  // Half as much again or as little: hosts that were refused together do not come back together.
  std::uniform_real_distribution<double> jitter(0.5, 1.5);
  const int tried = run_->options().connect_retries - tries_left_;
  const Duration backoff = FromSeconds(ToSeconds(kFirstBackoff) * jitter(run_->random())) *
                           (int64_t{1} << std::min(tried, 6));
  if (tries_left_ == 0 || run_->loop().now().mono + backoff >= connect_end_)
    return FailWith(std::move(failure));
  --tries_left_;
  state_ = State::kBackingOff;
  deadline_ = run_->loop().After(backoff, [this] {
    deadline_.reset();
    SetDeadline(connect_end_ - run_->loop().now().mono);
    StartConnecting();
  });
}

}  // namespace fleetsync::ssh
