#include <string>
#include <vector>

#include "fmt/format.h"
#include "inventory/diagnostic.h"
#include "inventory/key_checks.h"

// How to reach a host, and what it is.
namespace fleetsync::inventory {
namespace {

using Form = Key::Form;

Problem SetRole(Host& host, const Word& word) {
  static constexpr std::string_view kKnown[] = {"relay", "client"};
  host.role = word.text == "relay" ? Role::kRelay : Role::kClient;
  return OneOf("is not a role", word, kKnown);
}

Problem SetReportThrough(Host& host, const Word& word) {
  static constexpr std::string_view kKnown[] = {"network", "ssh"};
  host.reports_through_ssh = word.text == "ssh";
  return OneOf("is not a way for reports", word, kKnown);
}

Problem SetBecome(Host& host, const Word& word) {
  static constexpr std::string_view kKnown[] = {"sudo", "doas", "none"};
  host.connection.become = word.text == "sudo"   ? Become::kSudo
                           : word.text == "doas" ? Become::kDoas
                                                 : Become::kNone;
  return OneOf("is not a way to become root", word, kKnown);
}

Problem SetPort(Host& host, const Word& word) {
  const unsigned port = ParsePort(word.text);
  if (port == 0) return {fmt::format("{} is not a port", Quoted(word.text)), "write 1 to 65535"};
  host.connection.port = static_cast<uint16_t>(port);
  return {};
}

Problem SetAddress(Host& host, const Word& word) {
  host.connection.address = word.text;
  return CheckHostName(word.text);
}

Problem SetUser(Host& host, const Word& word) {
  host.connection.user = word.text;
  return CheckUser(word.text);
}

Problem SetProxyJump(Host& host, const Word& word) {
  host.connection.proxy_jump = word.text;
  return CheckProxyJump(word.text);
}

// Of `password_file` and its two siblings, for the login and for becoming root.
using SecretMember = std::optional<SecretSource> Connection::*;
template <SecretMember kMember, SecretSource::Kind kKind>
Problem SetSecretOf(Host& host, const Word& word) {
  return SetSecret(host.connection.*kMember, kKind, word);
}

using Strings = std::vector<std::string>;
template <Strings Connection::*kMember>
Problem AddPathOf(Host& host, const Word& word) {
  return AddPath(host.connection.*kMember, word);
}
template <Strings Connection::*kMember>
void ClearConnection(Host& host) {
  (host.connection.*kMember).clear();
}
using Kind = SecretSource::Kind;
constexpr std::string_view kPassword = "password";
constexpr std::string_view kBecomePassword = "become_password";
constexpr SecretMember kLogin = &Connection::password_source;
constexpr SecretMember kRoot = &Connection::become_password_source;

constexpr Key kKeys[] = {
    {"address", Form::kScalar, true, "", "the host's name", SetAddress},
    {"user", Form::kScalar, false, "", "from ssh_config, else yours", SetUser},
    {"port", Form::kScalar, false, "", "from ssh_config, else 22", SetPort},
    {"identity", Form::kList, false, "", "from ssh_config, else ssh's own",
     AddPathOf<&Connection::identities>, ClearConnection<&Connection::identities>},
    {"known_hosts", Form::kList, false, "", "from ssh_config, else ssh's own",
     AddPathOf<&Connection::known_hosts>, ClearConnection<&Connection::known_hosts>},
    {"proxy_jump", Form::kScalar, false, "", "from ssh_config, else none", SetProxyJump},
    {"become", Form::kScalar, false, "", "none", SetBecome},
    {"password_file", Form::kScalar, false, kPassword, "", SetSecretOf<kLogin, Kind::kFile>},
    {"password_env", Form::kScalar, false, kPassword, "", SetSecretOf<kLogin, Kind::kEnvironment>},
    {"password_command", Form::kScalar, false, kPassword, "", SetSecretOf<kLogin, Kind::kCommand>},
    {"become_password_file", Form::kScalar, false, kBecomePassword, "",
     SetSecretOf<kRoot, Kind::kFile>},
    {"become_password_env", Form::kScalar, false, kBecomePassword, "",
     SetSecretOf<kRoot, Kind::kEnvironment>},
    {"become_password_command", Form::kScalar, false, kBecomePassword, "",
     SetSecretOf<kRoot, Kind::kCommand>},
    {"role", Form::kScalar, false, "", "client", SetRole},
    {"report_through", Form::kScalar, false, "", "network", SetReportThrough},
};

}  // namespace

std::span<const Key> ConnectionKeys() { return kKeys; }

}  // namespace fleetsync::inventory
