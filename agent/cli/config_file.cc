#include "agent/cli/config_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::agent {
namespace {

using Words = std::span<const std::string_view>;

constexpr std::array<std::string_view, 7> kDirectives = {
    "host", "server", "controller", "insecure-controller", "report-interval", "state-dir", "user"};
constexpr std::array<std::string_view, 4> kServerOptions = {"iburst", "minpoll", "maxpoll", "port"};

constexpr int kLongestPoll = 17;  // RFC 5905 7.2 MAXPOLL: 36 hours
constexpr Duration kShortestInterval = std::chrono::seconds(1);
constexpr Duration kLongestInterval = std::chrono::hours(24);

std::string Unknown(std::string_view kind, std::string_view word,
                    std::span<const std::string_view> known) {
  const std::string_view closest = ClosestWord(word, known);
  if (!closest.empty()) {
    return fmt::format("unknown {} \"{}\"; did you mean \"{}\"?", kind, Printable(word), closest);
  }
  return fmt::format("unknown {} \"{}\"; known are {}", kind, Printable(word),
                     fmt::join(known, ", "));
}

std::optional<int> ParseInt(std::string_view text, int low, int high) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < low || value > high) return std::nullopt;
  return value;
}

std::optional<std::string> ParseServerOption(std::string_view option, std::string_view value,
                                             ntp::SourceConfig& server) {
  const bool is_port = option == "port";
  const int high = is_port ? 65535 : kLongestPoll;
  const std::optional<int> number = ParseInt(value, is_port ? 1 : 0, high);
  if (!number) {
    return fmt::format("{} \"{}\" is not a number from {} to {}", option, Printable(value),
                       is_port ? 1 : 0, high);
  }
  if (is_port) server.port = static_cast<uint16_t>(*number);
  if (option == "minpoll") server.minpoll = static_cast<int8_t>(*number);
  if (option == "maxpoll") server.maxpoll = static_cast<int8_t>(*number);
  return std::nullopt;
}

std::optional<std::string> ParseServerWords(Words words, ntp::SourceConfig& server) {
  if (words.empty()) return "server needs an address or a name";
  server.name = words[0];
  if (server.name.starts_with('-')) {
    return fmt::format("\"{}\" is not an address or a name", Printable(server.name));
  }
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "iburst") {
      server.iburst = true;
      continue;
    }
    if (std::find(kServerOptions.begin(), kServerOptions.end(), words[i]) == kServerOptions.end()) {
      return Unknown("option of server", words[i], kServerOptions);
    }
    if (i + 1 == words.size()) return fmt::format("{} needs a number", words[i]);
    if (auto error = ParseServerOption(words[i], words[i + 1], server)) return error;
    ++i;
  }
  // One of the two alone moves the other.
  server.maxpoll = std::max(server.minpoll, server.maxpoll);
  return std::nullopt;
}

std::optional<std::string> CheckController(std::string_view text) {
  const size_t colon = text.rfind(':');
  const bool ok = colon != std::string_view::npos && colon > 0 &&
                  ParseInt(text.substr(colon + 1), 1, 65535).has_value();
  if (ok) return std::nullopt;
  return fmt::format("controller \"{}\" is not HOST:PORT; write for example \"192.0.2.1:7312\"",
                     Printable(text));
}

std::optional<std::string> ParseValue(std::string_view directive, std::string_view value,
                                      AgentConfig& config) {
  if (directive == "host") config.host = value;
  if (directive == "user") config.user = value;
  if (directive == "state-dir") {
    if (!value.starts_with('/')) {
      return fmt::format("state-dir \"{}\" does not begin with \"/\"", Printable(value));
    }
    config.state_dir = value;
  }
  if (directive == "controller") {
    if (auto error = CheckController(value)) return error;
    config.controller = value;
  }
  if (directive == "report-interval") {
    const auto interval = ParseDuration(value);
    if (!interval.ok()) return Message(interval.status());
    if (*interval < kShortestInterval || *interval > kLongestInterval) {
      return fmt::format("report-interval {} is not between 1s and 1d", Printable(value));
    }
    config.report_interval = *interval;
  }
  return std::nullopt;
}

std::optional<std::string> ParseDirective(Words words, AgentConfig& config) {
  const std::string_view directive = words[0];
  if (directive == "server") {
    ntp::SourceConfig server;
    if (auto error = ParseServerWords(words.subspan(1), server)) return error;
    config.servers.push_back(server);
    return std::nullopt;
  }
  if (std::find(kDirectives.begin(), kDirectives.end(), directive) == kDirectives.end()) {
    return Unknown("directive", directive, kDirectives);
  }
  const size_t wanted = directive == "insecure-controller" ? 1 : 2;
  if (words.size() < wanted) return fmt::format("{} needs a value", directive);
  if (words.size() > wanted) {
    return fmt::format("\"{}\" after {} is one word too many", Printable(words[wanted]),
                       wanted == 1 ? directive : words[1]);
  }
  if (wanted == 1) {
    config.insecure_controller = true;
    return std::nullopt;
  }
  return ParseValue(directive, words[1], config);
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

std::optional<std::string> ParseServer(std::string_view words, ntp::SourceConfig& server) {
  std::string spaced(words);
  std::replace_if(
      spaced.begin(), spaced.end(), [](char c) { return c == ',' || c == '='; }, ' ');
  return ParseServerWords(SplitWords(spaced), server);
}

}  // namespace fleetsync::agent
