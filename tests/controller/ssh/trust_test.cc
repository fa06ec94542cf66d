// Host keys and authentication against a real sshd.
#include <unistd.h>

#include <cstdlib>

#include "controller/ssh/known_hosts.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/ssh/sshd.h"

namespace fleetsync::ssh {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

HostKey KeyOf(const Sshd& sshd, const std::string& file) {
  const std::string text = sshd.PublicKey(file);
  const size_t space = text.find(' ');
  return {.type = text.substr(0, space), .base64 = text.substr(space + 1)};
}

TEST(HostKeyCheck, AnUnknownKeyIsRefusedWithItsFingerprintAndBothWaysToAcceptIt) {
  const Sshd sshd;
  sshd.folder().Write("known_hosts", "");
  const Outcome outcome = RunOn(sshd.Host(), {Line("echo never")});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->fault, Fault::kHostKeyUnknown);
  EXPECT_EQ(ToString(*outcome.failure),
            fmt::format("host key: the key of [127.0.0.1]:{0} is not known: {1}; compare the "
                        "fingerprint, then: fleetsync exec --accept-new -l web01 -- true, or: "
                        "ssh-keyscan -p {0} 127.0.0.1 >> {2}",
                        sshd.port(), Fingerprint(KeyOf(sshd, "ed25519")), sshd.known_hosts()));
  EXPECT_EQ(outcome.out, "");
}

TEST(HostKeyCheck, AcceptNewAddsTheKeyOnceForTheNextRun) {
  const Sshd sshd;
  sshd.folder().Write("known_hosts", "other ssh-ed25519 AAAA");  // without its last newline
  FleetOptions options = QuickOptions();
  options.accept_new_host_keys = true;
  EXPECT_FALSE(RunOn(sshd.Host(), {Line("true")}, options).failure);
  EXPECT_FALSE(RunOn(sshd.Host(), {Line("true")}, options).failure);
  EXPECT_EQ(ReadText(sshd.known_hosts()), fmt::format("other ssh-ed25519 AAAA\n[127.0.0.1]:{} {}\n",
                                                      sshd.port(), sshd.PublicKey("ed25519")));
  EXPECT_FALSE(RunOn(sshd.Host(), {Line("true")}).failure);
}

TEST(HostKeyCheck, AChangedKeyIsRefusedAlsoWithAcceptNew) {
  const Sshd sshd;
  const Sshd other("HostKey /nowhere");
  const HostKey old_key = {"ssh-ed25519",
                           "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"};
  sshd.folder().Write("known_hosts", fmt::format("# mine\n[127.0.0.1]:{} {} {}\n", sshd.port(),
                                                 old_key.type, old_key.base64));
  FleetOptions options = QuickOptions();
  options.accept_new_host_keys = true;
  const Outcome outcome = RunOn(sshd.Host(), {Line("echo never")}, options);
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->fault, Fault::kHostKeyChanged);
  EXPECT_EQ(ToString(*outcome.failure),
            fmt::format("host key: THE HOST KEY HAS CHANGED: it is {}, was {} ({}:2); somebody may "
                        "be listening in; only if the host was reinstalled: ssh-keygen -R "
                        "'[127.0.0.1]:{}' -f {}",
                        Fingerprint(KeyOf(sshd, "ed25519")), Fingerprint(old_key),
                        sshd.known_hosts(), sshd.port(), sshd.known_hosts()));
}

TEST(HostKeyCheck, TheKnownTypeIsAskedForSoThatAnotherKeyOfTheHostDoesNotContradictIt) {
  const Sshd sshd;
  sshd.folder().Write("known_hosts",
                      fmt::format("[127.0.0.1]:{} {}\n", sshd.port(), sshd.PublicKey("ecdsa")));
  const Outcome outcome = RunOn(sshd.Host(), {Line("true")});
  EXPECT_FALSE(outcome.failure) << ToString(*outcome.failure);
}

TEST(HostKeyCheck, AHostThatIsKnownByAnRsaKeyIsAskedForIt) {
  const TemporaryFolder folder;
  const Sshd keys;
  const Sshd sshd(fmt::format("HostKey {}\nHostKey {}", keys.folder().Path("ed25519"),
                              keys.folder().Path("rsa")));
  sshd.folder().Write("known_hosts",
                      fmt::format("[127.0.0.1]:{} {}\n", sshd.port(), sshd.PublicKey("rsa")));
  const Outcome outcome = RunOn(sshd.Host(), {Line("true")});
  EXPECT_FALSE(outcome.failure) << ToString(*outcome.failure);
}

TEST(HostKeyCheck, AHashedNameIsFound) {
  const Sshd sshd;
  MustRun(fmt::format("ssh-keygen -q -H -f {} >/dev/null 2>&1", sshd.known_hosts()));
  EXPECT_THAT(ReadText(sshd.known_hosts()), StartsWith("|1|"));
  const Outcome outcome = RunOn(sshd.Host(), {Line("true")});
  EXPECT_FALSE(outcome.failure) << ToString(*outcome.failure);
}

TEST(HostKeyCheck, ARevokedKeyIsRefusedAlthoughAnotherLineKnowsIt) {
  const Sshd sshd;
  sshd.folder().Write("known_hosts", fmt::format("[127.0.0.1]:{0} {1}\n@revoked * {1}\n",
                                                 sshd.port(), sshd.PublicKey("ed25519")));
  const Outcome outcome = RunOn(sshd.Host(), {Line("echo never")});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->fault, Fault::kHostKeyChanged);
  EXPECT_EQ(outcome.failure->detail,
            fmt::format("THE HOST KEY IS REVOKED: {} ({}:2)", Fingerprint(KeyOf(sshd, "ed25519")),
                        sshd.known_hosts()));
}

TEST(HostKeyCheck, ACertificateAuthorityMakesNoKeyKnownAndSaysSo) {
  const Sshd sshd;
  sshd.folder().Write("known_hosts",
                      fmt::format("@cert-authority *,[127.0.0.1]:* {}\n", sshd.PublicKey("ecdsa")));
  const Outcome outcome = RunOn(sshd.Host(), {Line("echo never")});
  ASSERT_TRUE(outcome.failure);
  EXPECT_THAT(outcome.failure->detail,
              HasSubstr(fmt::format("the certificate authority at {}:1 cannot be used: host "
                                    "certificates are not verified",
                                    sshd.known_hosts())));
}

TEST(HostKeyCheck, TheInventorysNameIsEnoughWhenTheAddressIsNotKnown) {
  const Sshd sshd;
  sshd.folder().Write("known_hosts",
                      fmt::format("[web01]:{} {}\n", sshd.port(), sshd.PublicKey("ed25519")));
  const Outcome outcome = RunOn(sshd.Host(), {Line("true")});
  EXPECT_FALSE(outcome.failure) << ToString(*outcome.failure);
}

TEST(Authentication, AWrongKeyIsDeniedAndTheNextStepNamesTheKey) {
  const Sshd sshd;
  MustRun(fmt::format("ssh-keygen -q -t ed25519 -N '' -f {}", sshd.folder().Path("stranger")));
  inventory::Host host = sshd.Host();
  host.connection.identities = {sshd.folder().Path("stranger")};
  const Outcome outcome = RunOn(host, {Line("echo never")});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->fault, Fault::kDenied);
  EXPECT_EQ(
      ToString(*outcome.failure),
      fmt::format("authenticate: permission denied for {0} (publickey); ssh-copy-id -i {1} -p "
                  "{2} {0}@127.0.0.1, or correct the user or the key",
                  sshd.user(), sshd.folder().Path("stranger"), sshd.port()));
}

TEST(Authentication, TheSecondOfTwoKeysIsTried) {
  const Sshd sshd;
  MustRun(fmt::format("ssh-keygen -q -t ecdsa -N '' -f {}", sshd.folder().Path("stranger")));
  inventory::Host host = sshd.Host();
  host.connection.identities = {sshd.folder().Path("stranger"), sshd.user_key()};
  const Outcome outcome = RunOn(host, {Line("true")});
  EXPECT_FALSE(outcome.failure) << ToString(*outcome.failure);
}

TEST(Authentication, EcdsaAndRsaKeysWork) {
  const Sshd sshd;
  for (const std::string type : {"ecdsa", "rsa"}) {
    MustRun(fmt::format("cat {} > {}", sshd.folder().Path(type + ".pub"),
                        sshd.folder().Path("user_key.pub")));
    inventory::Host host = sshd.Host();
    host.connection.identities = {sshd.folder().Path(type)};
    const Outcome outcome = RunOn(host, {Line("true")});
    EXPECT_FALSE(outcome.failure) << type << ": " << ToString(*outcome.failure);
  }
}

TEST(Authentication, AnUnreadableKeyOfAllHostsEndsTheRunBeforeAnyIsContacted) {
  const Sshd sshd;
  inventory::Host host = sshd.Host();
  host.connection.identities = {"/nowhere/key"};
  class Nobody : public FleetObserver {
    void OnStage(const inventory::Host&, Stage) override { ADD_FAILURE() << "contacted"; }
    void OnHostDone(const inventory::Host&, Conversation&, const Failure*) override {
      ADD_FAILURE() << "contacted";
    }
  } nobody;
  const std::atomic<bool> never{false};
  const Status status = RunFleet(
      {&host}, QuickOptions(),
      [](const inventory::Host&) { return std::make_unique<Script>(std::vector<Command>{}); },
      nobody, never);
  EXPECT_EQ(Message(status),
            "identity of all hosts: reading /nowhere/key: No such file or directory");
}

TEST(Authentication, AKeyThatOthersCanReadIsNotUsed) {
  const Sshd sshd;
  MustRun("chmod 644 " + sshd.user_key());
  std::vector<inventory::Host> hosts;
  hosts.push_back(sshd.Host("open"));
  hosts.push_back(sshd.Host("other"));
  hosts.back().connection.identities = {sshd.folder().Path("ecdsa")};
  const Outcome outcome = RunOn(hosts, {Line("true")}).at("open");
  ASSERT_TRUE(outcome.failure);
  EXPECT_THAT(outcome.failure->detail,
              HasSubstr(fmt::format("others can read {0}: chmod 600 {0}", sshd.user_key())));
}

TEST(Authentication, AnEncryptedKeyWithoutAnAgentSaysSshAdd) {
  unsetenv("SSH_AUTH_SOCK");  // NOLINT(concurrency-mt-unsafe)
  const Sshd sshd;
  MustRun(fmt::format("ssh-keygen -q -p -P '' -N secret -f {} >/dev/null", sshd.user_key()));
  const Outcome outcome = RunOn(sshd.Host(), {Line("true")});
  ASSERT_TRUE(outcome.failure);
  EXPECT_THAT(outcome.failure->detail, HasSubstr(sshd.user_key() + " needs its passphrase"));
  EXPECT_EQ(outcome.failure->next_step, "ssh-add " + sshd.user_key());
}

TEST(Authentication, ACertificateBesideTheKeyIsShown) {
  const Sshd keys;
  const Sshd sshd(fmt::format("TrustedUserCAKeys {}", keys.folder().Path("ecdsa.pub")));
  MustRun(
      fmt::format("ssh-keygen -q -t ed25519 -N '' -f {0} && ssh-keygen -q -s {1} -I test -n {2} "
                  "{0}.pub 2>/dev/null",
                  sshd.folder().Path("certified"), keys.folder().Path("ecdsa"), sshd.user()));
  inventory::Host host = sshd.Host();
  host.connection.identities = {sshd.folder().Path("certified")};
  const Outcome outcome = RunOn(host, {Line("true")});
  EXPECT_FALSE(outcome.failure) << ToString(*outcome.failure);
}

TEST(Authentication, APasswordSourceThatFailsFailsTheHostAndDoesNotShowAnything) {
  const Sshd sshd;
  inventory::Host host = sshd.Host();
  host.connection.password_source =
      inventory::SecretSource{.kind = inventory::SecretSource::Kind::kCommand,
                              .value = "echo hunter2 >&2; exit 1",
                              .origin = {}};
  const Outcome outcome = RunOn(host, {Line("true")});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(ToString(*outcome.failure),
            "authenticate: the password: the command that prints the password failed; correct the "
            "host's password_file (or _env, _command)");
}

TEST(Authentication, AWrongPasswordIsNotInTheError) {
  const Sshd sshd;
  inventory::Host host = sshd.Host();
  host.connection.password = Secret("hunter2");
  host.connection.identities = {"/nowhere/key"};
  const Outcome outcome = RunOn(host, {Line("true")});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->fault, Fault::kDenied);
  EXPECT_THAT(ToString(*outcome.failure), Not(HasSubstr("hunter2")));
}

// An ssh-agent of the test's own.
class Agent {
 public:
  explicit Agent(const std::string& socket) : socket_(socket) {
    MustRun(fmt::format("ssh-agent -a {0} > {0}.env", socket_));
    setenv("SSH_AUTH_SOCK", socket_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
  ~Agent() {
    unsetenv("SSH_AUTH_SOCK");  // NOLINT(concurrency-mt-unsafe)
    MustRun(fmt::format(". {}.env >/dev/null; kill $SSH_AGENT_PID", socket_));
  }

 private:
  const std::string socket_;
};

TEST(Authentication, TheAgentSignsForAnEncryptedKeyOnThirtyHostsAtOnce) {
  const Sshd sshd;
  const Agent agent(sshd.folder().Path("agent"));
  // More keys than sshd's MaxAuthTries: only the named one may be shown.
  for (int i = 0; i < 8; ++i) {
    const std::string key = sshd.folder().Path(fmt::format("other{}", i));
    MustRun(fmt::format("ssh-keygen -q -t ed25519 -N '' -f {0} && ssh-add -q {0}", key));
  }
  MustRun("ssh-add -q " + sshd.user_key());
  MustRun(fmt::format("ssh-keygen -q -p -P '' -N secret -f {} >/dev/null", sshd.user_key()));
  std::vector<inventory::Host> hosts;
  for (int i = 0; i < 30; ++i) hosts.push_back(sshd.Host("web" + std::to_string(i)));
  for (const auto& [name, outcome] : RunOn(hosts, {Line("true")}))
    EXPECT_FALSE(outcome.failure) << name << ": " << ToString(*outcome.failure);
}

// Tells its one key and never signs.
constexpr const char* kSilentAgent = R"(
import base64, os, socket, struct, sys
blob = base64.b64decode(open(sys.argv[2]).read().split()[1])
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
if os.fork():
    os._exit(0)
held = []
listener.settimeout(20)  # it ends by itself
while True:
    try:
        connection, _ = listener.accept()
    except TimeoutError:
        break
    if connection.recv(5)[4] == 11:
        answer = b'\x0c' + struct.pack('>II', 1, len(blob)) + blob + struct.pack('>I', 0)
        connection.sendall(struct.pack('>I', len(answer)) + answer)
    held.append(connection)
)";

TEST(Authentication, AnAgentThatNeverSignsFailsTheHostAtItsDeadline) {
  const Sshd sshd;
  const std::string socket = sshd.folder().Path("agent");
  MustRun(fmt::format("/usr/bin/python3 {} {} {}.pub >/dev/null",
                      sshd.folder().Write("agent.py", kSilentAgent), socket, sshd.user_key()));
  setenv("SSH_AUTH_SOCK", socket.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  MustRun(fmt::format("ssh-keygen -q -p -P '' -N secret -f {} >/dev/null", sshd.user_key()));
  FleetOptions options = QuickOptions();
  options.authenticate_deadline = std::chrono::milliseconds(700);
  const Outcome outcome = RunOn(sshd.Host(), {Line("true")}, options);
  unsetenv("SSH_AUTH_SOCK");  // NOLINT(concurrency-mt-unsafe)
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(ToString(*outcome.failure), "authenticate: not done within 700 ms");
  EXPECT_LT(outcome.took, std::chrono::seconds(5));
}

}  // namespace
}  // namespace fleetsync::ssh
