#include "controller/ssh/authenticator.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

// sshd's MaxAuthTries is 6; one is kept for the password.
constexpr size_t kMostKeys = 5;

std::string MethodNames(unsigned methods) {
  std::vector<std::string> names;
  if ((methods & Session::kPublicKey) != 0) names.emplace_back("publickey");
  if ((methods & Session::kPassword) != 0) names.emplace_back("password");
  if ((methods & Session::kKeyboardInteractive) != 0) names.emplace_back("keyboard-interactive");
  return Join(names, ",");
}

bool Contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

Credentials ChooseKeys(const Target& target, Identities& identities,
                       const std::vector<std::string>& agent_blobs) {
  Credentials chosen;
  for (const std::string& path : target.identities) {
    const Identity& identity = identities.Get(path);
    if (identity.certified_key != nullptr) chosen.keys.push_back(identity.certified_key);
    if (identity.key != nullptr) {
      chosen.keys.push_back(identity.key);
    } else if (identity.encrypted && Contains(agent_blobs, identity.public_blob)) {
      chosen.in_agent.push_back(identity.public_blob);
    } else if (identity.encrypted) {
      chosen.unusable = fmt::format("{} needs its passphrase", Printable(path));
      chosen.next_step = "ssh-add " + ShellQuote(path);
    } else if (target.identities_named || !identity.missing) {
      chosen.unusable = Printable(identity.problem);
      chosen.next_step = "name a private key that can be read as the host's identity";
    }
  }
  if (!target.identities_only) {
    for (const std::string& blob : agent_blobs)
      if (!Contains(chosen.in_agent, blob)) chosen.in_agent.push_back(blob);
  }
  if (chosen.keys.size() > kMostKeys) chosen.keys.resize(kMostKeys);
  if (chosen.keys.size() + chosen.in_agent.size() > kMostKeys)
    chosen.in_agent.resize(kMostKeys - chosen.keys.size());
  return chosen;
}

Authenticator::Authenticator(Session& session, const Target& target, Credentials credentials,
                             int agent_socket)
    : session_(session),
      target_(target),
      credentials_(std::move(credentials)),
      agent_socket_(agent_socket) {
  for (const SharedKey& key : credentials_.keys) attempts_.push_back({Method::kKey, key});
  if (agent_socket_ >= 0) attempts_.push_back({.method = Method::kAgent});
  if (credentials_.password != nullptr) {
    attempts_.push_back({.method = Method::kPassword});
    attempts_.push_back({.method = Method::kKeyboard});
  }
  // Only to learn what the host would take.
  if (attempts_.empty()) attempts_.push_back({.method = Method::kNone});
}

Authenticator::~Authenticator() {
  if (agent_socket_ >= 0) close(agent_socket_);
}

Session::Auth Authenticator::Try(const Attempt& attempt) {
  switch (attempt.method) {
    case Method::kNone:
      return session_.AuthenticateByNone();
    case Method::kKey:
      return session_.AuthenticateByKey(attempt.key);
    case Method::kAgent:
      return session_.AuthenticateByAgent(std::exchange(agent_socket_, -1));
    case Method::kPassword:
      return session_.AuthenticateByPassword(*credentials_.password);
    case Method::kKeyboard:
      return session_.AuthenticateByKeyboard(*credentials_.password);
  }
  return Session::Auth::kFailed;
}

Authenticator::Step Authenticator::Advance() {
  while (at_ < attempts_.size()) {
    const Attempt& attempt = attempts_[at_];
    if (!IsStillOffered(attempt.method)) {
      ++at_;
      continue;
    }
    if (attempt.method == Method::kAgent) return Step::kLend;
    const Step step = OnResult(Try(attempt));
    if (step != Step::kAgain || at_ >= attempts_.size() || &attempt == &attempts_[at_]) return step;
  }
  return Deny();
}

Session::Auth Authenticator::LentStep() { return Try(attempts_[at_]); }

Authenticator::Step Authenticator::OnLentStep(Session::Auth result) {
  const size_t before = at_;
  const Step step = OnResult(result);
  return step == Step::kAgain && at_ != before ? Advance() : step;
}

// kAgain with at_ moved on: the next attempt is due.
Authenticator::Step Authenticator::OnResult(Session::Auth result) {
  switch (result) {
    case Session::Auth::kAccepted:
      return Step::kAccepted;
    case Session::Auth::kAgain:
      return Step::kAgain;
    case Session::Auth::kPartly:
      partly_ = true;
      ++at_;
      return at_ < attempts_.size() ? Step::kAgain : Deny();
    case Session::Auth::kDenied:
      ++at_;
      return at_ < attempts_.size() ? Step::kAgain : Deny();
    case Session::Auth::kFailed:
      return Lose();
  }
  return Lose();
}

bool Authenticator::IsStillOffered(Method method) const {
  const unsigned offered = session_.methods();
  if (offered == 0) return true;  // the server has not said yet
  switch (method) {
    case Method::kNone:
      return true;
    case Method::kKey:
    case Method::kAgent:
      return (offered & Session::kPublicKey) != 0;
    case Method::kPassword:
      return (offered & Session::kPassword) != 0;
    case Method::kKeyboard:
      // The same password by another method would only count against the account.
      return (offered & Session::kKeyboardInteractive) != 0 && (offered & Session::kPassword) == 0;
  }
  return false;
}

Authenticator::Step Authenticator::Deny() {
  std::string detail = fmt::format("permission denied for {}", Printable(target_.user));
  const std::string methods = MethodNames(session_.methods());
  if (!methods.empty()) detail += fmt::format(" ({})", methods);
  if (partly_) detail += "; one credential was accepted, the host wants another one too";
  if (!credentials_.unusable.empty()) detail += "; " + credentials_.unusable;
  std::string next_step = credentials_.next_step;
  if (next_step.empty() && credentials_.password != nullptr)
    next_step = "correct the user or the password in the inventory";
  if (next_step.empty()) {
    std::string key;
    if (target_.identities_named) key = "-i " + ShellQuote(target_.identities.front()) + " ";
    const std::string port = target_.port == 22 ? "" : fmt::format("-p {} ", target_.port);
    next_step = fmt::format("ssh-copy-id {}{}{}, or correct the user or the key", key, port,
                            ShellQuote(target_.user + "@" + target_.address));
  }
  failure_ = {.stage = Stage::kAuthenticate,
              .fault = Fault::kDenied,
              .detail = std::move(detail),
              .next_step = std::move(next_step)};
  return Step::kFailed;
}

Authenticator::Step Authenticator::Lose() {
  failure_ = {.stage = Stage::kAuthenticate,
              .fault = Fault::kDisconnected,
              .detail = session_.Error(),
              .next_step = ""};
  return Step::kFailed;
}

}  // namespace fleetsync::ssh
