// What keeps a host from being reached, and ways around: listeners that are no sshd, proxies.
#include <unistd.h>

#include <chrono>

#include "base/text.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/ssh/sshd.h"

namespace fleetsync::ssh {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::StartsWith;

inventory::Host At(const Sshd& sshd, int port) {
  inventory::Host host = sshd.Host();
  host.connection.port = static_cast<uint16_t>(port);
  return host;
}

int FreePort() { return Listener("", Listener::Then::kHangUp).port(); }

TEST(Connect, AClosedPortIsRefused) {
  const Sshd sshd;
  const int port = FreePort();
  const Outcome outcome = RunOn(At(sshd, port), {Line("true")});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->fault, Fault::kRefused);
  EXPECT_EQ(
      ToString(*outcome.failure),
      fmt::format("connect: 127.0.0.1 port {}: Connection refused; is sshd running there, and "
                  "does the firewall let us in?",
                  port));
}

TEST(Connect, AServerThatStaysSilentFailsAtTheConnectDeadline) {
  const Sshd sshd;
  const Listener silent("", Listener::Then::kSilence);
  FleetOptions options = QuickOptions();
  options.connect_deadline = milliseconds(300);
  const Outcome outcome = RunOn(At(sshd, silent.port()), {Line("true")}, options);
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(ToString(*outcome.failure),
            "connect: no answer within 300 ms; is the host up, and does the firewall let us in?");
  EXPECT_GE(outcome.took, milliseconds(290));
  EXPECT_LT(outcome.took, milliseconds(3000));
}

TEST(Connect, AServerThatStopsAfterItsBannerFailsAtTheConnectDeadline) {
  const Sshd sshd;
  const Listener half_open("SSH-2.0-OpenSSH_9.2\r\n", Listener::Then::kSilence);
  FleetOptions options = QuickOptions();
  options.connect_deadline = milliseconds(300);
  const Outcome outcome = RunOn(At(sshd, half_open.port()), {Line("true")}, options);
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->fault, Fault::kTimedOut);
}

TEST(Connect, SomethingThatIsNoSshServerIsTold) {
  const Sshd sshd;
  const Listener web("HTTP/1.1 400 Bad Request\r\n\r\n" + std::string(20'000, '\x1b'),
                     Listener::Then::kSilence);
  FleetOptions options = QuickOptions();
  options.connect_deadline = milliseconds(800);
  const Outcome outcome = RunOn(At(sshd, web.port()), {Line("true")}, options);
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->stage, Stage::kConnect);
  EXPECT_EQ(outcome.failure->detail.find('\x1b'), std::string::npos);
}

TEST(Connect, AServerThatHangsUpIsTriedAgainAsOftenAsAllowed) {
  const Sshd sshd;
  const Listener rude("", Listener::Then::kHangUp);
  FleetOptions options = QuickOptions();
  options.connect_retries = 2;
  const Outcome outcome = RunOn(At(sshd, rude.port()), {Line("true")}, options);
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->fault, Fault::kDisconnected);
  EXPECT_EQ(rude.connections(), 3u);
}

TEST(Connect, ADeniedKeyIsNotTriedAgain) {
  const Sshd sshd("AllowUsers nobody-at-all");
  FleetOptions options = QuickOptions();
  options.connect_retries = 3;
  EXPECT_TRUE(RunOn(sshd.Host(), {Line("true")}, options).failure);
  EXPECT_EQ(sshd.connections(), 1u);
}

TEST(Connect, ANameThatDoesNotExistIsNotFound) {
  const Sshd sshd;
  inventory::Host host = sshd.Host();
  host.connection.address = "no-such-host.invalid";
  const Outcome outcome = RunOn(host, {Line("true")});
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->stage, Stage::kResolve);
  EXPECT_EQ(outcome.failure->fault, Fault::kNotFound);
  EXPECT_THAT(outcome.failure->detail, StartsWith("no-such-host.invalid: "));
}

TEST(Connect, ANameWithSeveralAddressesFindsTheOneThatAnswers) {
  const Sshd sshd;  // on 127.0.0.1 alone; localhost may be ::1 first
  inventory::Host host = sshd.Host();
  host.connection.address = "localhost";
  sshd.folder().Write("known_hosts",
                      fmt::format("[localhost]:{} {}\n", sshd.port(), sshd.PublicKey("ed25519")));
  const Outcome outcome = RunOn(host, {Line("true")});
  EXPECT_FALSE(outcome.failure) << ToString(*outcome.failure);
}

// A folder with an ssh_config that ssh -G reads.
std::string ConfigFor(const Sshd& sshd, const std::string& lines) {
  return sshd.folder().Write("ssh_config", lines + "\n", 0600);
}

TEST(Connect, SshConfigGivesWhatTheInventoryLeavesOpen) {
  const Sshd sshd;
  FleetOptions options = QuickOptions();
  options.use_ssh_config = true;
  options.ssh_config_file = ConfigFor(
      sshd,
      fmt::format("Host web01\n  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {}\n"
                  "  UserKnownHostsFile {}\n",
                  sshd.port(), sshd.user(), sshd.user_key(), sshd.known_hosts()));
  inventory::Host host;
  host.name = "web01";
  const Outcome outcome = RunOn(host, {Line("echo there")}, options);
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.out, "there\n");
}

// Carries bytes between standard input and output and HOST PORT; after MOST bytes from us it stops
// reading for five seconds, then ends.
constexpr const char* kRelay = R"(
import os, socket, sys, threading, time
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
left = int(sys.argv[3])
def up():
    global left
    while left > 0 and (block := os.read(0, 65536)):
        connection.sendall(block)
        left -= len(block)
    if left <= 0:
        time.sleep(5)
    os._exit(0)
threading.Thread(target=up).start()
while block := connection.recv(65536):
    os.write(1, block)
os._exit(0)
)";

FleetOptions ThroughRelay(const Sshd& sshd, const std::string& most) {
  FleetOptions options = QuickOptions();
  options.use_ssh_config = true;
  options.ssh_config_file =
      ConfigFor(sshd, fmt::format("Host *\n  ProxyCommand /usr/bin/python3 {} %h %p {}",
                                  sshd.folder().Write("relay.py", kRelay), most));
  return options;
}

TEST(Connect, ProxyCommandOfSshConfigCarriesTheConnection) {
  const Sshd sshd;
  const Outcome outcome = RunOn(sshd.Host(), {Line("echo through")}, ThroughRelay(sshd, "1000000"));
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.out, "through\n");
}

TEST(Connect, AHostThatStopsTakingInputDoesNotStopTheLoop) {
  const Sshd sshd;
  Command command = Line("cat >/dev/null");
  command.shared_input = std::make_shared<const std::string>(5'000'000, 'x');
  command.deadline = milliseconds(500);
  const Outcome outcome = RunOn(sshd.Host(), {command}, ThroughRelay(sshd, "100000"));
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(outcome.failure->fault, Fault::kTimedOut);
  EXPECT_LT(outcome.took, std::chrono::seconds(4));
}

TEST(Connect, AProxyCommandThatFailsSaysWhy) {
  const Sshd sshd;
  FleetOptions options = QuickOptions();
  options.use_ssh_config = true;
  options.ssh_config_file =
      ConfigFor(sshd, "Host *\n  ProxyCommand echo 'no way today' >&2; exit 1");
  const Outcome outcome = RunOn(sshd.Host(), {Line("true")}, options);
  ASSERT_TRUE(outcome.failure);
  EXPECT_EQ(ToString(*outcome.failure),
            "connect: no way today; is the way through the bastion open?");
}

TEST(Connect, ProxyJumpGoesThroughTwoHopsWithTheInventorysKeys) {
  const Sshd first, second, target;
  inventory::Host host = target.Host();
  host.connection.proxy_jump =
      fmt::format("{0}@127.0.0.1:{1},{0}@127.0.0.1:{2}", first.user(), first.port(), second.port());
  host.connection.known_hosts = {target.folder().Write(
      "all_known", ReadText(first.known_hosts()) + ReadText(second.known_hosts()) +
                       ReadText(target.known_hosts()))};
  FleetOptions options = QuickOptions();
  options.connect_deadline = std::chrono::seconds(20);
  const Outcome outcome = RunOn(host, {Line("echo far")}, options);
  ASSERT_FALSE(outcome.failure) << ToString(*outcome.failure);
  EXPECT_EQ(outcome.out, "far\n");
  EXPECT_EQ(first.connections(), 1u);
  EXPECT_EQ(second.connections(), 1u);
}

TEST(Connect, NoMoreSessionsGoThroughABastionThanAllowed) {
  const Sshd bastion, target;
  std::vector<inventory::Host> hosts;
  const TemporaryFolder folder;
  const std::string known =
      folder.Write("known", ReadText(bastion.known_hosts()) + ReadText(target.known_hosts()));
  for (int i = 0; i < 4; ++i) {
    hosts.push_back(target.Host("web" + std::to_string(i)));
    hosts.back().connection.proxy_jump =
        fmt::format("{}@127.0.0.1:{}", bastion.user(), bastion.port());
    hosts.back().connection.known_hosts = {known};
  }
  FleetOptions options = QuickOptions();
  options.sessions_per_bastion = 2;
  options.connect_deadline = std::chrono::seconds(20);
  // Each command shows how many of its like run when it does.
  const std::string count = fmt::format(
      "touch {0}/run.$$; ls {0} | grep -c '^run' ; sleep 0.3; rm {0}/run.$$", folder.Path("."));
  for (const auto& [name, outcome] : RunOn(hosts, {Line(count)}, options)) {
    ASSERT_FALSE(outcome.failure) << name << ": " << ToString(*outcome.failure);
    EXPECT_LE(std::stoi(outcome.out), 2) << name;
  }
}

TEST(Connect, HostileNamesNeverReachAShell) {
  const Sshd sshd;
  const std::string touched = sshd.folder().Path("touched");
  const std::string command = "touch " + touched;
  FleetOptions options = QuickOptions();
  options.use_ssh_config = true;
  options.connect_deadline = std::chrono::seconds(3);
  options.ssh_config_file = ConfigFor(sshd, "Host *\n  ProxyCommand nc %h %p %r");
  for (const std::string& bad :
       {"$(" + command + ")", "`" + command + "`", "x;" + command, "x\n" + command,
        "-oProxyCommand=" + command, "x' " + command + " '", "|" + command}) {
    inventory::Host by_address = sshd.Host();
    by_address.connection.address = bad;
    EXPECT_TRUE(RunOn(by_address, {Line("true")}, options).failure) << bad;
    inventory::Host by_user = sshd.Host();
    by_user.connection.user = bad;
    EXPECT_TRUE(RunOn(by_user, {Line("true")}, options).failure) << bad;
    inventory::Host by_jump = sshd.Host();
    by_jump.connection.proxy_jump = bad;
    EXPECT_TRUE(RunOn(by_jump, {Line("true")}, options).failure) << bad;
    inventory::Host by_jumps = sshd.Host();
    by_jumps.connection.proxy_jump = bad + "," + bad;
    EXPECT_TRUE(RunOn(by_jumps, {Line("true")}, options).failure) << bad;
    inventory::Host by_jump_to = sshd.Host();
    by_jump_to.connection.address = bad;
    by_jump_to.connection.proxy_jump = "127.0.0.1:" + std::to_string(FreePort());
    EXPECT_TRUE(RunOn(by_jump_to, {Line("true")}, options).failure) << bad;
    EXPECT_NE(access(touched.c_str(), F_OK), 0) << bad;
  }
}

}  // namespace
}  // namespace fleetsync::ssh
