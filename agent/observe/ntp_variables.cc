#include "agent/observe/ntp_variables.h"

#include <optional>
#include <string>
#include <vector>

#include "agent/observe/parse_number.h"
#include "base/text.h"

namespace fleetsync::observe {
namespace {

constexpr Duration kMillisecond = std::chrono::milliseconds(1);

std::optional<Leap> ParseLeap(std::string_view bits) {
  if (bits == "00" || bits == "0") return Leap::kNone;
  if (bits == "01" || bits == "1") return Leap::kInsert;
  if (bits == "10" || bits == "2") return Leap::kDelete;
  if (bits == "11" || bits == "3") return Leap::kUnsynchronised;
  return std::nullopt;
}

// "ntpd 4.2.8p15@1.3728-o Wed Sep 23 …", "ntpd ntpsec-1.2.2".
void PutVersion(std::string_view text, DaemonState& state) {
  const std::vector<std::string_view> words = SplitWords(text);
  if (words.size() < 2) return;
  constexpr std::string_view kNtpsec = "ntpsec-";
  if (words[1].starts_with(kNtpsec)) {
    state.daemon = "ntpsec";
    state.version = words[1].substr(kNtpsec.size());
  } else {
    state.daemon = "ntp";
    state.version = words[1].substr(0, words[1].find('@'));
  }
}

}  // namespace

std::map<std::string_view, std::string_view> NtpVariables(std::string_view text) {
  std::map<std::string_view, std::string_view> variables;
  while (!text.empty()) {
    const size_t comma = text.find(','), equals = text.find('=');
    if (equals == std::string_view::npos) break;
    if (comma < equals) {
      text.remove_prefix(comma + 1);
      continue;
    }
    const std::string_view name = Trim(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    size_t end = text.find(',');
    if (text.starts_with('"')) {
      const size_t quote = text.find('"', 1);
      variables[name] = text.substr(1, quote == std::string_view::npos ? quote : quote - 1);
      end = quote == std::string_view::npos ? quote : text.find(',', quote);
    } else {
      variables[name] = Trim(text.substr(0, end));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return variables;
}

bool ParseNtpVariables(std::string_view text, DaemonState& state) {
  const auto variables = NtpVariables(text);
  const auto value = [&variables](std::string_view name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string_view() : found->second;
  };
  const std::optional<Leap> leap = ParseLeap(value("leap"));
  if (!leap || value("stratum").empty()) return false;
  PutVersion(value("version"), state);
  state.leap = *leap;
  state.stratum = ParseStratum(value("stratum"));
  state.root_delay = ParseScaled(value("rootdelay"), kMillisecond);
  state.root_dispersion = ParseScaled(value("rootdisp"), kMillisecond);
  if (!state.root_dispersion)  // before 4.2.6
    state.root_dispersion = ParseScaled(value("rootdispersion"), kMillisecond);
  if (const auto frequency = ParseDouble(value("frequency"))) state.frequency = Ppm{*frequency};
  if (!state.synchronised()) return true;
  state.offset = ParseScaled(value("offset"), kMillisecond);
  state.jitter = ParseScaled(value("sys_jitter"), kMillisecond);
  state.error_bound = RootDistance(state.root_delay, state.root_dispersion);
  return true;
}

}  // namespace fleetsync::observe
