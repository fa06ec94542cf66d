#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/secret.h"
#include "controller/ssh/conversation.h"
#include "controller/ssh/identities.h"
#include "controller/ssh/session.h"
#include "controller/ssh/target.h"

namespace fleetsync::ssh {

// What can be shown to one host, and what keeps a key from being shown.
struct Credentials {
  std::vector<SharedKey> keys;             // in order
  std::vector<std::string> in_agent;       // public blobs (base64) the agent may sign for; in order
  std::shared_ptr<const Secret> password;  // null: none
  std::string unusable;   // "~/.ssh/id_ed25519 needs its passphrase", for the failure's text
  std::string next_step;  // what would make it usable
};

// Chooses keys for `target` from its identities and from the agent's (`agent_blobs`).
Credentials ChooseKeys(const Target& target, Identities& identities,
                       const std::vector<std::string>& agent_blobs);

// Shows a host one credential after another: keys, the agent's keys, the password by both of its
// methods. Each once: a wrong password is not repeated, accounts get locked for it.
class Authenticator {
 public:
  enum class Step : uint8_t {
    kAgain,  // call again when the socket is ready
    kLend,   // the next step may block: call LentStep away from the loop, then OnLentStep
    kAccepted,
    kFailed,  // see failure()
  };

  // `agent_socket` speaks the agent's protocol, for this session alone; -1 without agent. Taken.
  Authenticator(Session& session, const Target& target, Credentials credentials, int agent_socket);
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  Step Advance();
  Session::Auth LentStep();  // in any thread, while the session is lent
  Step OnLentStep(Session::Auth result);

  const Failure& failure() const { return failure_; }

 private:
  enum class Method : uint8_t { kNone, kKey, kAgent, kPassword, kKeyboard };
  struct Attempt {
    Method method = Method::kNone;
    SharedKey key = nullptr;
  };

  Session::Auth Try(const Attempt& attempt);
  Step OnResult(Session::Auth result);
  bool IsStillOffered(Method method) const;
  Step Deny();
  Step Lose();

  Session& session_;
  const Target& target_;
  const Credentials credentials_;
  int agent_socket_;
  std::vector<Attempt> attempts_;
  size_t at_ = 0;
  bool partly_ = false;
  Failure failure_;
};

}  // namespace fleetsync::ssh
