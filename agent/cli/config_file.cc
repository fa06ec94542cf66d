#include "agent/cli/config_file.h"

#include <algorithm>
#include <array>

#include "agent/cli/config_value.h"
#include "agent/cli/serve_directives.h"
#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::agent {
namespace {

constexpr int kLongestPoll = 17;  // RFC 5905 7.2 MAXPOLL: 36 hours

constexpr Duration kMillisecond = std::chrono::milliseconds(1);
constexpr Duration kSecond = std::chrono::seconds(1);
constexpr Duration kDay = std::chrono::hours(24);

struct Range {
  Duration low;
  Duration high;
  std::string_view text;
};
constexpr Range kIntervals{kSecond, kDay, "1s and 1d"};
constexpr Range kOffsets{kMillisecond, 365 * kDay, "1ms and 365d"};

Error SetDuration(std::string_view name, std::string_view text, const Range& range, Duration& out) {
  const auto value = ParseDuration(text);
  if (!value.ok()) return Message(value.status());
  if (*value < range.low || *value > range.high) {
    return fmt::format("{} {} is not between {}", name, Printable(text), range.text);
  }
  out = *value;
  return std::nullopt;
}

Error SetAbsolutePath(std::string_view name, std::string_view text, std::string& out) {
  if (!text.starts_with('/')) {
    return fmt::format("{} \"{}\" does not begin with \"/\"", name, Printable(text));
  }
  out = text;
  return std::nullopt;
}

// ---- server

struct ServerFlag {
  std::string_view name;
  bool ntp::SourceConfig::*field;
};
constexpr std::array<ServerFlag, 8> kServerFlags = {{
    {"iburst", &ntp::SourceConfig::iburst},
    {"prefer", &ntp::SourceConfig::prefer},
    {"trust", &ntp::SourceConfig::trust},
    {"noselect", &ntp::SourceConfig::noselect},
    {"fallback", &ntp::SourceConfig::fallback},
    {"smear", &ntp::SourceConfig::smear},
    {"peer", &ntp::SourceConfig::peer},
    {"xleave", &ntp::SourceConfig::xleave},
}};
// Those with a value.
constexpr std::array<std::string_view, 6> kServerOptions = {"minpoll", "maxpoll",  "port",
                                                            "key",     "maxdelay", "offset"};

Error ParseServerOption(std::string_view option, std::string_view value,
                        ntp::SourceConfig& server) {
  if (option == "minpoll") return SetNumber(option, value, 0, kLongestPoll, server.minpoll);
  if (option == "maxpoll") return SetNumber(option, value, 0, kLongestPoll, server.maxpoll);
  if (option == "port") return SetNumber(option, value, 1, 65535, server.port);
  if (option == "key") return SetNumber(option, value, 1, 0xffff'ffff, server.key.emplace());
  if (option == "maxdelay") {
    constexpr Range kDelays{Duration(1), 60 * kSecond, "1ns and 60s"};
    return SetDuration(option, value, kDelays, server.max_delay.emplace());
  }
  constexpr Range kAsymmetries{-60 * kSecond, 60 * kSecond, "-60s and 60s"};
  return SetDuration(option, value, kAsymmetries, server.offset);
}

Error ParseServerWords(Words words, ntp::SourceConfig& server) {
  if (words.empty()) return "server needs an address or a name";
  server.name = words[0];
  if (server.name.starts_with('-')) {
    return fmt::format("\"{}\" is not an address or a name", Printable(server.name));
  }
  for (size_t i = 1; i < words.size(); ++i) {
    const auto flag = std::find_if(kServerFlags.begin(), kServerFlags.end(),
                                   [&](const ServerFlag& f) { return f.name == words[i]; });
    if (flag != kServerFlags.end()) {
      server.*(flag->field) = true;
      continue;
    }
    if (std::find(kServerOptions.begin(), kServerOptions.end(), words[i]) == kServerOptions.end()) {
      std::vector<std::string_view> known(kServerOptions.begin(), kServerOptions.end());
      for (const ServerFlag& f : kServerFlags) known.push_back(f.name);
      return Unknown("option of server", words[i], known);
    }
    if (i + 1 == words.size()) return fmt::format("{} needs a value", words[i]);
    if (auto error = ParseServerOption(words[i], words[i + 1], server)) return error;
    ++i;
  }
  // One of the two alone moves the other.
  server.maxpoll = std::max(server.minpoll, server.maxpoll);
  return std::nullopt;
}

// ---- the other directives

Error SetController(std::string_view text, std::string& out) {
  const size_t colon = text.rfind(':');
  const bool ok = colon != std::string_view::npos && colon > 0 &&
                  ParseNumber(text.substr(colon + 1), 1, 65535).has_value();
  if (!ok) {
    return fmt::format("controller \"{}\" is not HOST:PORT; write for example \"192.0.2.1:7312\"",
                       Printable(text));
  }
  out = text;
  return std::nullopt;
}

Error SetTimestamping(std::string_view text, bool& user) {
  if (text != "kernel" && text != "user") {
    return fmt::format("timestamping \"{}\" is neither \"kernel\" nor \"user\"", Printable(text));
  }
  user = text == "user";
  return std::nullopt;
}

Error SetSeccomp(std::string_view text, Seccomp& out) {
  constexpr std::array<std::string_view, 3> kNames = {"fail", "kill", "off"};
  const auto found = std::find(kNames.begin(), kNames.end(), text);
  if (found == kNames.end()) {
    return fmt::format("seccomp \"{}\" is neither \"fail\" nor \"kill\" nor \"off\"",
                       Printable(text));
  }
  out = static_cast<Seccomp>(found - kNames.begin());
  return std::nullopt;
}

Error SetObserve(std::string_view text, std::optional<observe::Kind>& out) {
  out = observe::KindOf(text);
  if (out) return std::nullopt;
  constexpr std::array<std::string_view, 6> kKnown = {"auto",     "chrony",    "ntp",
                                                      "openntpd", "timesyncd", "none"};
  return Unknown("time daemon", text, kKnown);
}

struct Directive {
  std::string_view name;
  bool has_value;
  Error (*set)(std::string_view value, AgentConfig& config);
  Error (*set_words)(Words words, AgentConfig& config) = nullptr;  // those after the name
};

Error Well() { return std::nullopt; }

constexpr std::array kDirectives = {
    Directive{"host", true,
              [](std::string_view v, AgentConfig& c) {
                c.host = v;
                return Well();
              }},
    Directive{"server", true, nullptr,
              [](Words words, AgentConfig& c) {
                return ParseServerWords(words, c.engine.sources.emplace_back());
              }},
    Directive{"controller", true,
              [](std::string_view v, AgentConfig& c) { return SetController(v, c.controller); }},
    Directive{"insecure-controller", false,
              [](std::string_view, AgentConfig& c) {
                c.insecure_controller = true;
                return Well();
              }},
    Directive{"tls-dir", true,
              [](std::string_view v, AgentConfig& c) {
                return SetAbsolutePath("tls-dir", v, c.tls_dir);
              }},
    Directive{"report-interval", true,
              [](std::string_view v, AgentConfig& c) {
                return SetDuration("report-interval", v, kIntervals, c.report_interval);
              }},
    Directive{"state-dir", true,
              [](std::string_view v, AgentConfig& c) {
                return SetAbsolutePath("state-dir", v, c.state_dir);
              }},
    Directive{"user", true,
              [](std::string_view v, AgentConfig& c) {
                c.user = v;
                return Well();
              }},
    Directive{"no-clock-control", false,
              [](std::string_view, AgentConfig& c) {
                c.engine.control_clock = false;
                return Well();
              }},
    Directive{"observe", true,
              [](std::string_view v, AgentConfig& c) { return SetObserve(v, c.observe); }},
    Directive{"driftfile", true,
              [](std::string_view v, AgentConfig& c) {
                return SetAbsolutePath("driftfile", v, c.drift_file);
              }},
    Directive{"keyfile", true,
              [](std::string_view v, AgentConfig& c) {
                return SetAbsolutePath("keyfile", v, c.key_file);
              }},
    Directive{"step", true,
              [](std::string_view v, AgentConfig& c) {
                return SetDuration("step", v, kOffsets, c.engine.step_threshold);
              }},
    Directive{"stepout", true,
              [](std::string_view v, AgentConfig& c) {
                return SetDuration("stepout", v, kIntervals, c.engine.stepout);
              }},
    Directive{"slew-only", false,
              [](std::string_view, AgentConfig& c) {
                c.engine.slew_only = true;
                return Well();
              }},
    Directive{"panic", true,
              [](std::string_view v, AgentConfig& c) {
                return SetDuration("panic", v, kOffsets, c.engine.panic_threshold);
              }},
    Directive{"panic-once", false,
              [](std::string_view, AgentConfig& c) {
                c.engine.panic_once = true;
                return Well();
              }},
    Directive{"min-sources", true,
              [](std::string_view v, AgentConfig& c) {
                return SetNumber("min-sources", v, 1, 100, c.engine.min_sources);
              }},
    Directive{"max-distance", true,
              [](std::string_view v, AgentConfig& c) {
                return SetDuration("max-distance", v, kOffsets, c.engine.max_distance);
              }},
    Directive{"allow", true, nullptr, SetAllow},
    Directive{"deny", true, nullptr, SetDeny},
    Directive{"port", true,
              [](std::string_view v, AgentConfig& c) {
                return SetNumber("port", v, 0, 65535, c.serve.port);
              }},
    Directive{"bindaddress", true, SetBindAddress},
    Directive{"local", true, nullptr, SetLocal},
    Directive{"ratelimit", true, nullptr, SetRateLimit},
    Directive{"workers", true,
              [](std::string_view v, AgentConfig& c) {
                return SetNumber("workers", v, 1, kMostWorkers, c.serve.workers);
              }},
    Directive{
        "timestamping", true,
        [](std::string_view v, AgentConfig& c) { return SetTimestamping(v, c.user_timestamps); }},
    Directive{"seccomp", true,
              [](std::string_view v, AgentConfig& c) { return SetSeccomp(v, c.seccomp); }},
};

const Directive* FindDirective(std::string_view name) {
  const auto found = std::find_if(kDirectives.begin(), kDirectives.end(),
                                  [&](const Directive& d) { return d.name == name; });
  return found == kDirectives.end() ? nullptr : &*found;
}

Error UnknownDirective(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Directive& d : kDirectives) known.push_back(d.name);
  return Unknown("directive", name, known);
}

Error ParseDirective(Words words, AgentConfig& config) {
  const Directive* const directive = FindDirective(words[0]);
  if (directive == nullptr) return UnknownDirective(words[0]);
  if (directive->set_words != nullptr) return directive->set_words(words.subspan(1), config);
  const size_t wanted = directive->has_value ? 2 : 1;
  if (words.size() < wanted) return fmt::format("{} needs a value", directive->name);
  if (words.size() > wanted) {
    return fmt::format("\"{}\" after {} is one word too many", Printable(words[wanted]),
                       words[wanted - 1]);
  }
  return directive->set(words.back(), config);
}

}  // namespace

ParsedConfig ParseConfig(const std::string& file, std::string_view text) {
  ParsedConfig result;
  size_t number = 0;
  for (const std::string_view line : Split(text, '\n')) {
    ++number;
    const std::vector<std::string_view> words = SplitWords(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    if (const auto error = ParseDirective(words, result.config)) {
      result.errors.push_back(fmt::format("{}:{}: {}", file, number, *error));
    }
  }
  return result;
}

std::optional<std::string> ParseOption(std::string_view directive, std::string_view value,
                                       AgentConfig& config) {
  const Directive& found = *FindDirective(directive);
  if (found.set_words != nullptr) return found.set_words(SplitWords(value), config);
  return found.set(value, config);
}

std::optional<std::string> ParseServer(std::string_view words, ntp::SourceConfig& server) {
  std::string spaced(words);
  std::replace_if(
      spaced.begin(), spaced.end(), [](char c) { return c == ',' || c == '='; }, ' ');
  return ParseServerWords(SplitWords(spaced), server);
}

}  // namespace fleetsync::agent
