#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "fmt/format.h"
#include "inventory/diagnostic.h"
#include "inventory/key_checks.h"
#include "inventory/network.h"
#include "inventory/time_source.h"

// What a host's time should be: the keys below `time`.
namespace fleetsync::inventory {
namespace {

using Form = Key::Form;
using Kind = TimeSource::Kind;
using Strings = std::vector<std::string>;

// ---- one word of a few

template <class Enum>
struct Choice {
  std::string_view word;
  Enum value;
};

template <class Enum, size_t kSize>
Problem Choose(Enum& target, const Word& word, std::string_view thing,
               const std::array<Choice<Enum>, kSize>& choices) {
  std::array<std::string_view, kSize> known{};
  for (size_t i = 0; i < kSize; ++i) {
    known[i] = choices[i].word;
    if (choices[i].word == word.text) target = choices[i].value;
  }
  return OneOf(thing, word, known);
}

Problem SetDaemon(Host& host, const Word& word) {
  static constexpr std::string_view kKnown[] = {"auto",     "chrony",    "ntp",   "ntpsec",
                                                "openntpd", "timesyncd", "agent", "none"};
  host.time.daemon = word.text;
  return OneOf("is not a time daemon that fleetsync configures", word, kKnown);
}

Problem SetBackward(Host& host, const Word& word) {
  return Choose(host.time.allow_backward, word, "is not an answer",
                std::array<Choice<bool>, 2>{{{"allow", true}, {"forbid", false}}});
}

Problem SetPackages(Host& host, const Word& word) {
  using P = TimeSettings::Packages;
  return Choose(host.time.packages, word, "is not what to do about packages",
                std::array<Choice<P>, 2>{{{"leave", P::kLeave}, {"install", P::kInstall}}});
}

Problem SetRivals(Host& host, const Word& word) {
  using R = TimeSettings::Rivals;
  return Choose(host.time.rivals, word, "is not what to do about other time daemons",
                std::array<Choice<R>, 2>{{{"retire", R::kRetire}, {"refuse", R::kRefuse}}});
}

Problem SetTwoSources(Host& host, const Word& word) {
  using S = TimeSettings::TwoSources;
  return Choose(host.time.two_sources, word, "is not what to do about two sources",
                std::array<Choice<S>, 2>{{{"refuse", S::kRefuse}, {"allow", S::kAllow}}});
}

Problem SetHandEdits(Host& host, const Word& word) {
  using H = TimeSettings::HandEdits;
  return Choose(host.time.hand_edits, word, "is not what to do about files edited by hand",
                std::array<Choice<H>, 2>{{{"keep", H::kKeep}, {"overwrite", H::kOverwrite}}});
}

Problem SetFirewall(Host& host, const Word& word) {
  using F = TimeSettings::Firewall;
  return Choose(host.time.firewall, word, "is not what to do about the firewall",
                std::array<Choice<F>, 2>{{{"manage", F::kManage}, {"leave", F::kLeave}}});
}

Problem SetFamily(Host& host, const Word& word) {
  using F = TimeSettings::Family;
  return Choose(
      host.time.family, word, "is not an address family",
      std::array<Choice<F>, 3>{{{"any", F::kAny}, {"ipv4", F::kIpv4}, {"ipv6", F::kIpv6}}});
}

Problem SetLeap(Host& host, const Word& word) {
  using L = TimeSettings::Leap;
  return Choose(host.time.leap, word, "is not a way to take a leap second",
                std::array<Choice<L>, 4>{{{"system", L::kSystem},
                                          {"step", L::kStep},
                                          {"slew", L::kSlew},
                                          {"ignore", L::kIgnore}}});
}

Problem SetJob(Host& host, const Word& word) {
  using J = TimeSettings::Job;
  return Choose(
      host.time.job, word, "is not a job",
      std::array<Choice<J>, 3>{{{"none", J::kNone}, {"sync", J::kSync}, {"rtc", J::kRtc}}});
}

template <std::optional<bool> TimeSettings::*kMember>
Problem SetYesNo(Host& host, const Word& word) {
  static constexpr std::string_view kKnown[] = {"yes", "no"};
  host.time.*kMember = word.text == "yes";
  return OneOf("is not an answer", word, kKnown);
}

// ---- servers and keys

template <std::vector<TimeSource> TimeSettings::*kMember, Kind kKind>
Problem AddSource(Host& host, const Word& word) {
  TimeSource source;
  Problem problem = ReadTimeSource(word, kKind, source);
  if (problem.ok()) (host.time.*kMember).push_back(std::move(source));
  return problem;
}

constexpr std::array kKeyTypes =
    std::to_array<Choice<NtpKey::Type>>({{"MD5", NtpKey::Type::kMd5},
                                         {"SHA1", NtpKey::Type::kSha1},
                                         {"SHA256", NtpKey::Type::kSha256},
                                         {"AES128", NtpKey::Type::kAes128}});

// "7 type SHA256 file secrets/ntp-7"; what follows file, env or command goes to the end.
Problem AddKey(Host& host, const Word& word) {
  const std::string hint = "write {id: 7, type: SHA256, file: PATH} (or env: NAME, command: TEXT)";
  std::string_view rest = word.text;
  const auto take = [&rest] {
    rest = Trim(rest);
    const size_t space = std::min(rest.find(' '), rest.size());
    const std::string_view taken = rest.substr(0, space);
    rest.remove_prefix(space);
    return taken;
  };
  NtpKey key;
  int id = 0;
  Problem problem = SetNumber(id, {std::string(take()), word.origin}, 1, kMostKeyId, "a key's id");
  if (!problem.ok()) return {problem.what, hint};
  key.id = static_cast<uint32_t>(id);
  std::string_view option = take();
  if (option == "type") {
    const Word type{std::string(take()), word.origin};
    problem = Choose(key.type, type, "is not a type of key", kKeyTypes);
    if (!problem.ok()) return problem;
    option = take();
  }
  std::optional<SecretSource> secret;
  const Word value{std::string(Trim(rest)), word.origin};
  if (option == "file") {
    problem = SetSecret(secret, SecretSource::Kind::kFile, value);
  } else if (option == "env") {
    problem = SetSecret(secret, SecretSource::Kind::kEnvironment, value);
  } else if (option == "command") {
    problem = SetSecret(secret, SecretSource::Kind::kCommand, value);
  } else {
    // Nothing of the word is repeated: some write the key itself here.
    return {fmt::format("key {} does not say where its secret comes from", id), hint};
  }
  if (!problem.ok()) return problem;
  for (const NtpKey& other : host.time.keys)
    if (other.id == key.id) return {fmt::format("key {} is there twice", id), "keep one of them"};
  key.secret = *std::move(secret);
  host.time.keys.push_back(std::move(key));
  return {};
}

// ---- what relays do

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
  int stratum = 0;
  Problem problem = SetNumber(stratum, word, 1, 15, "a stratum that a relay can claim");
  if (!problem.ok()) return {problem.what, "write 1 to 15; 10 keeps it below every real server"};
  host.time.local_stratum = stratum;
  return {};
}

// "interval 3 burst 8 leak 2", as a mapping or in one line; "on" for chrony's own numbers.
Problem SetRateLimit(Host& host, const Word& word) {
  RateLimit limit;
  const std::vector<std::string_view> words = SplitWords(word.text);
  for (size_t i = 0; words != std::vector<std::string_view>{"on"} && i < words.size(); i += 2) {
    const Word value{std::string(i + 1 < words.size() ? words[i + 1] : ""), word.origin};
    Problem problem{fmt::format("{} is no part of a rate limit", Quoted(words[i])),
                    "write {interval: 3, burst: 8, leak: 2}, or on"};
    if (words[i] == "interval") problem = SetNumber(limit.interval, value, -19, 12, "log2 seconds");
    if (words[i] == "burst") problem = SetNumber(limit.burst, value, 1, 255, "a burst");
    if (words[i] == "leak") problem = SetNumber(limit.leak, value, 1, 4, "a leak (log2)");
    if (!problem.ok()) return problem;
  }
  host.time.rate_limit = limit;
  return {};
}

// ---- durations, numbers, texts

template <Duration TimeSettings::*kMember>
Problem SetDurationOf(Host& host, const Word& word) {
  return SetDuration(host.time.*kMember, word);
}
template <std::optional<Duration> TimeSettings::*kMember>
Problem SetDurationOf(Host& host, const Word& word) {
  Duration value{};
  Problem problem = SetDuration(value, word);
  if (problem.ok()) host.time.*kMember = value;
  return problem;
}

Problem SetMinSources(Host& host, const Word& word) {
  int sources = 0;
  Problem problem = SetNumber(sources, word, 1, 100, "a number of sources");
  if (problem.ok()) host.time.min_sources = sources;
  return problem;
}

// "threshold 1s limit 3", "threshold 1s always", or the threshold alone.
Problem SetStep(Host& host, const Word& word) {
  const std::string hint = "write {threshold: 1s, limit: 3}; limit: -1 for steps at any time";
  std::vector<std::string_view> words = SplitWords(word.text);
  if (words.size() == 1) words.insert(words.begin(), "threshold");
  if (words.empty() || words.size() % 2 != 0) return {"a step needs a threshold", hint};
  for (size_t i = 0; i < words.size(); i += 2) {
    const Word value{std::string(words[i + 1]), word.origin};
    Problem problem{fmt::format("{} is no part of a step", Quoted(words[i])), hint};
    if (words[i] == "threshold")
      problem = SetDurationOf<&TimeSettings::step_threshold>(host, value);
    if (words[i] == "limit") {
      int limit = 0;
      problem = SetNumber(limit, value, -1, 1'000'000, "a number of updates");
      host.time.step_limit = limit;
    }
    if (!problem.ok()) return problem;
  }
  return host.time.step_threshold ? Problem{} : Problem{"a step needs a threshold", hint};
}

Problem SetPathOf(std::string& target, const Word& word) {
  Problem problem = CheckLine(word.text, "path");
  const bool plain =
      word.text.starts_with('/') && word.text.find_first_of(" \t#;'\"\\") == std::string::npos;
  if (problem.ok() && !plain)
    problem = {fmt::format("{} is not a path on a host", Quoted(word.text)),
               "write it from / on, without blanks and quotes"};
  if (problem.ok()) target = word.text;
  return problem;
}

Problem SetDriftFile(Host& host, const Word& word) { return SetPathOf(host.time.drift_file, word); }

Problem SetLogFolder(Host& host, const Word& word) { return SetPathOf(host.time.log_folder, word); }

Problem AddLog(Host& host, const Word& word) {
  static constexpr std::string_view kKnown[] = {"measurements", "statistics", "tracking",
                                                "rtc",          "refclocks",  "tempcomp"};
  host.time.log.push_back(word.text);
  return OneOf("is not something that daemons log", word, kKnown);
}

Problem AddInterface(Host& host, const Word& word) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_@:";
  const bool name = !word.text.empty() && word.text.size() < 16 &&
                    word.text.find_first_not_of(kLetters) == std::string::npos;
  host.time.hwtimestamp.push_back(word.text);
  if (name || word.text == "*") return {};
  return {fmt::format("{} is not a network interface", Quoted(word.text)),
          "write its name, such as eth0, or \"*\" for all"};
}

// "Europe/Berlin": what may follow /usr/share/zoneinfo/.
Problem SetTimezone(Host& host, const Word& word) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
  const bool name = !word.text.empty() && word.text.size() < 64 &&
                    word.text.find_first_not_of(kLetters) == std::string::npos &&
                    word.text.front() != '/' && word.text.back() != '/' &&
                    word.text.find("//") == std::string::npos;
  host.time.timezone = word.text;
  if (name) return {};
  return {fmt::format("{} is not a time zone", Quoted(word.text)),
          "write its name, such as Europe/Berlin or UTC"};
}

template <Strings TimeSettings::*kMember>
Problem AddExtra(Host& host, const Word& word) {
  (host.time.*kMember).push_back(word.text);
  return word.text.empty() ? Problem{} : CheckLine(word.text, "line");
}

template <auto kMember>
void Clear(Host& host) {
  (host.time.*kMember).clear();
}

using T = TimeSettings;

constexpr Key kKeys[] = {
    {"time.daemon", Form::kScalar, false, "", "auto", SetDaemon},
    {"time.packages", Form::kScalar, false, "", "leave", SetPackages},
    {"time.rivals", Form::kScalar, false, "", "retire", SetRivals},
    {"time.drift", Form::kScalar, false, "", "keep", SetHandEdits},
    {"time.upstreams", Form::kList, false, "", "[]", AddSource<&T::upstreams, Kind::kServer>,
     Clear<&T::upstreams>, "address"},
    {"time.servers", Form::kList, false, "", "every relay", AddSource<&T::servers, Kind::kServer>,
     Clear<&T::servers>, "address"},
    {"time.peers", Form::kList, false, "", "[]", AddSource<&T::peers, Kind::kPeer>,
     Clear<&T::peers>, "address"},
    {"time.two_sources", Form::kScalar, false, "", "refuse", SetTwoSources},
    {"time.family", Form::kScalar, false, "", "any", SetFamily},
    {"time.dhcp_servers", Form::kScalar, false, "", "the daemon's own", SetYesNo<&T::dhcp_servers>},
    {"time.keys", Form::kList, false, "", "[]", AddKey, Clear<&T::keys>, "id"},
    {"time.allow", Form::kList, false, "", "networks of the hosts", AddAllow, Clear<&T::allow>},
    {"time.local_stratum", Form::kScalar, false, "", "none", SetLocalStratum},
    {"time.ratelimit", Form::kScalar, false, "", "none", SetRateLimit, nullptr, ""},
    {"time.firewall", Form::kScalar, false, "", "manage", SetFirewall},
    {"time.step", Form::kScalar, false, "", "{threshold: 1s, limit: 3}", SetStep, nullptr, ""},
    {"time.panic", Form::kScalar, false, "", "the daemon's own", SetDurationOf<&T::panic>},
    {"time.max_distance", Form::kScalar, false, "", "the daemon's own",
     SetDurationOf<&T::max_distance>},
    {"time.min_sources", Form::kScalar, false, "", "the daemon's own", SetMinSources},
    {"time.leap", Form::kScalar, false, "", "the daemon's own", SetLeap},
    {"time.drift_file", Form::kScalar, false, "", "the host's own", SetDriftFile},
    {"time.rtc", Form::kScalar, false, "", "yes", SetYesNo<&T::rtc>},
    {"time.hwtimestamp", Form::kList, false, "", "[]", AddInterface, Clear<&T::hwtimestamp>},
    {"time.job", Form::kScalar, false, "", "none", SetJob},
    {"time.every", Form::kScalar, false, "", "1d", SetDurationOf<&T::job_every>},
    {"time.timezone", Form::kScalar, false, "", "the host's own", SetTimezone},
    {"time.log_folder", Form::kScalar, false, "", "the daemon's own", SetLogFolder},
    {"time.log", Form::kList, false, "", "[]", AddLog, Clear<&T::log>},
    {"time.tolerance", Form::kScalar, false, "", "10ms", SetDurationOf<&T::tolerance>},
    {"time.max_step", Form::kScalar, false, "", "1000s", SetDurationOf<&T::max_step>},
    {"time.backward", Form::kScalar, false, "", "allow", SetBackward},
    {"time.extra", Form::kLines, false, "", "[]", AddExtra<&T::extra>, Clear<&T::extra>},
    {"time.extra_chrony", Form::kLines, false, "", "[]", AddExtra<&T::extra_chrony>,
     Clear<&T::extra_chrony>},
    {"time.extra_ntp", Form::kLines, false, "", "[]", AddExtra<&T::extra_ntp>,
     Clear<&T::extra_ntp>},
    {"time.extra_openntpd", Form::kLines, false, "", "[]", AddExtra<&T::extra_openntpd>,
     Clear<&T::extra_openntpd>},
    {"time.extra_timesyncd", Form::kLines, false, "", "[]", AddExtra<&T::extra_timesyncd>,
     Clear<&T::extra_timesyncd>},
};

}  // namespace

std::span<const Key> TimeKeys() { return kKeys; }

}  // namespace fleetsync::inventory
