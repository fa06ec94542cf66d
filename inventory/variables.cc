#include "inventory/variables.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"
#include "inventory/network.h"

namespace fleetsync::inventory {
namespace {

using Form = Key::Form;

// Paths, commands and lines of the user's own: anything but what would end a line.
Problem CheckLine(std::string_view text, std::string_view thing) {
  if (text.empty()) return {fmt::format("an empty {}", thing), "write it, or remove the key"};
  const bool control = std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
  if (control)
    return {fmt::format("a {} with a control character or line break in it", thing),
            "write it on one line"};
  return {};
}

Problem SetPath(std::string& target, const Word& word) {
  Problem problem = CheckLine(word.text, "path");
  if (problem.ok() && word.text.starts_with('~') && !word.text.starts_with("~/"))
    problem = {fmt::format("path {}: only '~/' is understood", Quoted(word.text)),
               "write the whole path"};
  if (problem.ok()) target = word.text;
  return problem;
}

Problem AddPath(std::vector<std::string>& target, const Word& word) {
  std::string path;
  Problem problem = SetPath(path, word);
  if (problem.ok()) target.push_back(std::move(path));
  return problem;
}

Problem SetSecret(std::optional<SecretSource>& target, SecretSource::Kind kind, const Word& word) {
  SecretSource source{.kind = kind, .value = word.text, .origin = word.origin};
  Problem problem;
  if (kind == SecretSource::Kind::kFile) {
    problem = SetPath(source.value, word);
  } else if (kind == SecretSource::Kind::kCommand) {
    problem = CheckLine(word.text, "command");
  } else {
    const bool name = !word.text.empty() && (word.text[0] < '0' || word.text[0] > '9') &&
                      word.text.find_first_not_of(
                          "abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
    // Not quoted: some write the password itself here.
    if (!name)
      problem = {"this is not the name of an environment variable",
                 "write its name, such as FLEET_PASSWORD, not its value"};
  }
  if (problem.ok()) target = std::move(source);
  return problem;
}

Problem OneOf(std::string_view thing, const Word& word, std::span<const std::string_view> known) {
  if (std::find(known.begin(), known.end(), word.text) != known.end()) return {};
  std::string list;
  for (const std::string_view& one : known) {
    if (!list.empty()) list += &one == &known.back() ? " or " : ", ";
    list += one;
  }
  return {fmt::format("{} {}", Quoted(word.text), thing), "write " + list};
}

Problem SetRole(Host& host, const Word& word) {
  static constexpr std::string_view kKnown[] = {"relay", "client"};
  host.role = word.text == "relay" ? Role::kRelay : Role::kClient;
  return OneOf("is not a role", word, kKnown);
}

Problem SetBecome(Host& host, const Word& word) {
  static constexpr std::string_view kKnown[] = {"sudo", "doas", "none"};
  host.connection.become = word.text == "sudo"   ? Become::kSudo
                           : word.text == "doas" ? Become::kDoas
                                                 : Become::kNone;
  return OneOf("is not a way to become root", word, kKnown);
}

Problem SetDaemon(Host& host, const Word& word) {
  static constexpr std::string_view kKnown[] = {"auto", "chrony", "ntp", "ntpsec"};
  host.time.daemon = word.text;
  return OneOf("is not a time daemon that fleetsync configures", word, kKnown);
}

Problem SetBackward(Host& host, const Word& word) {
  static constexpr std::string_view kKnown[] = {"allow", "forbid"};
  host.time.allow_backward = word.text != "forbid";
  return OneOf("is not an answer", word, kKnown);
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

Problem AddServer(std::vector<TimeSource>& target, const Word& word) {
  target.push_back({.address = word.text});
  return CheckHostName(word.text);
}

Problem AddAllow(Host& host, const Word& word) {
  const std::optional<Network> network = ParseNetwork(word.text);
  if (!network)
    return {fmt::format("{} is not a network", Quoted(word.text)),
            "write ADDRESS/PREFIX, such as 192.168.11.0/24, or one address"};
  const bool one_address = network->prefix == network->address.bits;
  const Network address{.address = network->address, .prefix = network->address.bits};
  const Network masked_address{.address = ParseNetwork(ToString(*network))->address,
                               .prefix = network->address.bits};
  if (!one_address && ToString(address) != ToString(masked_address))
    return {fmt::format("{} has bits to the right of its prefix", Quoted(word.text)),
            fmt::format("write {} for the network or {} for the host", ToString(*network),
                        ToString(address))};
  host.time.allow.push_back(ToString(*network));
  return {};
}

Problem SetLocalStratum(Host& host, const Word& word) {
  const unsigned stratum = ParsePort(word.text);
  if (stratum < 1 || stratum > 15)
    return {fmt::format("{} is not a stratum that a relay can claim", Quoted(word.text)),
            "write 1 to 15; 10 keeps it below every real server"};
  host.time.local_stratum = static_cast<int>(stratum);
  return {};
}

StatusOr<Duration> PositiveDuration(const Word& word, Problem& problem) {
  StatusOr<Duration> duration = ParseDuration(word.text);
  const std::string hint = "write a number above zero and its unit, such as 10ms or 5s";
  if (!duration.ok())
    problem = {fmt::format("{} is not a duration", Quoted(word.text)), hint};
  else if (*duration <= Duration::zero())
    problem = {fmt::format("{} is not above zero", Quoted(word.text)), hint};
  return duration;
}

Problem SetTolerance(Host& host, const Word& word) {
  Problem problem;
  const StatusOr<Duration> duration = PositiveDuration(word, problem);
  if (problem.ok()) host.time.tolerance = *duration;
  return problem;
}

Problem SetMaxStep(Host& host, const Word& word) {
  Problem problem;
  const StatusOr<Duration> duration = PositiveDuration(word, problem);
  if (problem.ok()) host.time.max_step = *duration;
  return problem;
}

Problem AddExtra(Host& host, const Word& word) {
  host.time.extra.push_back(word.text);
  return word.text.empty() ? Problem{} : CheckLine(word.text, "line");
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
template <std::vector<TimeSource> TimeSettings::*kMember>
Problem AddServerTo(Host& host, const Word& word) {
  return AddServer(host.time.*kMember, word);
}
template <auto kMember>
void ClearTime(Host& host) {
  (host.time.*kMember).clear();
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
    {"time.daemon", Form::kScalar, false, "", "auto", SetDaemon},
    {"time.upstreams", Form::kList, false, "", "[]", AddServerTo<&TimeSettings::upstreams>,
     ClearTime<&TimeSettings::upstreams>},
    {"time.servers", Form::kList, false, "", "every relay", AddServerTo<&TimeSettings::servers>,
     ClearTime<&TimeSettings::servers>},
    {"time.allow", Form::kList, false, "", "networks of the hosts", AddAllow,
     ClearTime<&TimeSettings::allow>},
    {"time.local_stratum", Form::kScalar, false, "", "none", SetLocalStratum},
    {"time.tolerance", Form::kScalar, false, "", "10ms", SetTolerance},
    {"time.max_step", Form::kScalar, false, "", "1000s", SetMaxStep},
    {"time.backward", Form::kScalar, false, "", "allow", SetBackward},
    {"time.extra", Form::kLines, false, "", "[]", AddExtra, ClearTime<&TimeSettings::extra>},
};

std::string_view SlotOf(const Key& key) { return key.slot.empty() ? key.name : key.slot; }

std::string TextOf(const Setting& setting) {
  if (setting.key->name.ends_with("password_command")) return "(command)";
  if (setting.key->form == Form::kScalar)
    return setting.words.empty() ? "" : setting.words.front().text;
  std::vector<std::string> texts;
  for (const Word& word : setting.words) texts.push_back(word.text);
  return "[" + Join(texts, ", ") + "]";
}

void Apply(const Setting& setting, const std::string& from, Host& host) {
  if (setting.key->clear != nullptr) setting.key->clear(host);
  for (const Word& word : setting.words) setting.key->set(host, word);
  host.variables[std::string(setting.key->name)] =
      Variable{.text = TextOf(setting), .origin = setting.origin, .from = from};
}

}  // namespace

std::span<const Key> Keys() { return kKeys; }

const Key* FindKey(std::string_view name) {
  const auto* found = std::find_if(std::begin(kKeys), std::end(kKeys),
                                   [name](const Key& key) { return key.name == name; });
  return found == std::end(kKeys) ? nullptr : found;
}

Problem Check(const Key& key, const Word& word) {
  Host scratch;
  return key.set(scratch, word);
}

std::vector<Conflict> Resolve(std::span<const Layer> layers, Host& host) {
  struct Winner {
    const Setting* setting;
    const Layer* layer;
  };
  std::map<std::string_view, Winner> winners;
  std::vector<Conflict> conflicts;
  for (const Layer& layer : layers) {
    for (const Setting& setting : *layer.settings) {
      const auto [found, is_new] =
          winners.try_emplace(SlotOf(*setting.key), Winner{&setting, &layer});
      const Winner& winner = found->second;
      if (is_new || winner.layer == &layer || winner.layer->level != layer.level) continue;
      const bool same =
          winner.setting->key == setting.key && TextOf(*winner.setting) == TextOf(setting);
      if (!same) conflicts.push_back({winner.setting, &setting, winner.layer->from, layer.from});
    }
  }
  for (const auto& [slot, winner] : winners) Apply(*winner.setting, winner.layer->from, host);
  return conflicts;
}

std::map<std::string, Variable> AllVariables(const Host& host) {
  std::map<std::string, Variable> all = host.variables;
  for (const Key& key : kKeys) {
    if (key.built_in.empty()) continue;
    std::string text(key.built_in);
    if (key.name == "address") text = host.name;
    all.try_emplace(std::string(key.name),
                    Variable{.text = std::move(text), .origin = {}, .from = "built in"});
  }
  return all;
}

}  // namespace fleetsync::inventory
