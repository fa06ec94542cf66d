// Host key and authentication.
#include <utility>

#include "base/text.h"
#include "controller/ssh/connection.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

std::string KeyScan(const Target& target) {
  const std::string port = target.port == 22 ? "" : fmt::format("-p {} ", target.port);
  return fmt::format("ssh-keyscan {}{} >> {}", port, ShellQuote(target.address),
                     ShellQuote(target.known_hosts.front()));
}

std::string FileOf(const std::string& where) { return where.substr(0, where.rfind(':')); }

}  // namespace

void Connection::CheckHostKey() {
  EnterStage(Stage::kHostKey);
  const StatusOr<KnownHosts*> known_hosts = run_->KnownHostsOf(target_.known_hosts);
  if (!known_hosts.ok())
    return Fail(Fault::kHostKeyUnknown, Printable(Message(known_hosts.status())),
                "make the known_hosts file readable");
  const StatusOr<HostKey> key = session_->ServerKey();
  if (!key.ok()) return Fail(Fault::kProtocol, Message(key.status()));
  std::string name = target_.key_name;
  KnownHosts::Answer answer = (*known_hosts)->Check(name, target_.port, *key);
  if (answer.verdict == KnownHosts::Verdict::kUnknown && !target_.inventory_name.empty()) {
    KnownHosts::Answer by_name = (*known_hosts)->Check(target_.inventory_name, target_.port, *key);
    if (by_name.verdict != KnownHosts::Verdict::kUnknown) {
      answer = std::move(by_name);
      name = target_.inventory_name;
    }
  }
  switch (answer.verdict) {
    case KnownHosts::Verdict::kKnown:
      return StartAuthentication();
    case KnownHosts::Verdict::kRevoked:
      return Fail(Fault::kHostKeyChanged,
                  fmt::format("THE HOST KEY IS REVOKED: {} ({})", Fingerprint(*key), answer.where),
                  "find out why it was revoked, and give the host a new key");
    case KnownHosts::Verdict::kChanged:
      return Fail(
          Fault::kHostKeyChanged,
          fmt::format(
              "THE HOST KEY HAS CHANGED: it is {}, was {} ({}); somebody may be listening in",
              Fingerprint(*key), Fingerprint(answer.known), answer.where),
          fmt::format("only if the host was reinstalled: ssh-keygen -R {} -f {}",
                      ShellQuote(KnownHostsName(name, target_.port)),
                      ShellQuote(FileOf(answer.where))));
    case KnownHosts::Verdict::kUnknown:
      break;
  }
  if (run_->options().accept_new_host_keys || target_.accept_new) return AcceptHostKey(*key);
  std::string detail =
      fmt::format("the key of {} is not known: {}", Printable(KnownHostsName(name, target_.port)),
                  Fingerprint(*key));
  if (!answer.authority_where.empty())
    detail += fmt::format(
        " (the certificate authority at {} cannot be used: host certificates are "
        "not verified)",
        answer.authority_where);
  Fail(Fault::kHostKeyUnknown, std::move(detail),
       fmt::format(
           "compare the fingerprint, then: fleetsync exec --accept-new -l {} -- true, or: {}",
           ShellQuote(host_.name), KeyScan(target_)));
}

void Connection::AcceptHostKey(const HostKey& key) {
  if (target_.known_hosts.empty())
    return Fail(Fault::kHostKeyUnknown, "there is no known_hosts file to add the key to",
                "name one as known_hosts in the inventory");
  state_ = State::kAcceptingKey;
  StopListening();
  InPool<Status>([file = target_.known_hosts.front(), name = target_.key_name, port = target_.port,
                  key] { return AppendKnownHost(file, name, port, key); },
                 [this, key](const Status& status) {
                   if (!status.ok())
                     return Fail(Fault::kHostKeyUnknown, Message(status), "make the file writable");
                   const StatusOr<KnownHosts*> known_hosts =
                       run_->KnownHostsOf(target_.known_hosts);
                   if (known_hosts.ok()) (*known_hosts)->Add(target_.key_name, target_.port, key);
                   ListenAgain();
                   StartAuthentication();
                   UpdateInterest();
                 });
}

void Connection::StartAuthentication() {
  SetDeadline(run_->options().authenticate_deadline);
  EnterStage(Stage::kAuthenticate);
  const inventory::Connection& given = host_.connection;
  if (!given.password.empty())
    return Authenticate(std::make_shared<const Secret>(given.password.Clone()));
  if (!given.password_source) return Authenticate(nullptr);
  state_ = State::kAwaitingSecret;
  StopListening();
  run_->secrets().Get(
      *given.password_source, [weak = weak_from_this()](const SecretStore::Result& secret) {
        const std::shared_ptr<Connection> self = weak.lock();
        if (self == nullptr || self->state_ != State::kAwaitingSecret) return;
        if (!secret.ok())
          return self->Fail(Fault::kDenied, "the password: " + Message(secret.status()),
                            "correct the host's password_file (or _env, _command)");
        self->ListenAgain();
        self->Authenticate(*secret);
        self->UpdateInterest();
      });
}

void Connection::Authenticate(std::shared_ptr<const Secret> password) {
  state_ = State::kAuthenticating;
  RunContext::Agent* agent = run_->AgentOf(target_.identity_agent);
  Credentials credentials = ChooseKeys(target_, run_->identities(),
                                       agent == nullptr ? std::vector<std::string>{} : agent->keys);
  credentials.password = std::move(password);
  int agent_socket = -1;
  if (agent != nullptr && !credentials.in_agent.empty()) {
    const StatusOr<int> opened = agent->client.Open(credentials.in_agent);
    if (opened.ok()) agent_socket = *opened;
  }
  authenticator_ =
      std::make_unique<Authenticator>(*session_, target_, std::move(credentials), agent_socket);
  OnAuthenticatorStep(authenticator_->Advance());
}

void Connection::OnAuthenticatorStep(Authenticator::Step step) {
  switch (step) {
    case Authenticator::Step::kAgain:
      return;
    case Authenticator::Step::kLend:
      return Lend();
    case Authenticator::Step::kAccepted:
      authenticator_.reset();
      return OnReady();
    case Authenticator::Step::kFailed:
      return FailWith(authenticator_->failure());
  }
}

// libssh waits for the agent inside this step. Exactly one thread has the session at a time: it is
// out of the loop's reach until the step's result comes back by mail, also when the host is given
// up meanwhile, so the pool holds a share of it.
void Connection::Lend() {
  state_ = State::kLent;
  lent_ = true;
  StopListening();
  run_->pool().Run([self = shared_from_this(), mailbox = run_->loop().mailbox()]() mutable {
    const Session::Auth result = self->authenticator_->LentStep();
    mailbox->Post([self, result] {
      self->lent_ = false;
      if (self->state_ != State::kLent) return self->Close();
      self->state_ = State::kAuthenticating;
      self->ListenAgain();
      self->OnAuthenticatorStep(self->authenticator_->OnLentStep(result));
      self->UpdateInterest();
    });
    self.reset();
  });
}

}  // namespace fleetsync::ssh
