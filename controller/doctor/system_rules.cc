#include <algorithm>

#include "base/text.h"
#include "controller/doctor/rule_parts.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

// The value that a line gives TZ for a whole session; empty: none.
std::string_view SessionZone(const FileLine& line, const std::vector<FileLine>& lines) {
  std::string_view text = Trim(line.text);
  bool exported = line.path == "/etc/environment";
  for (const std::string_view word : {"export", "setenv"}) {
    if (!text.starts_with(word)) continue;
    exported = true;
    text = Trim(text.substr(word.size()));
  }
  if (!text.starts_with("TZ") || text.size() < 4) return {};
  text = Trim(text.substr(3));
  const size_t end = std::min(text.find_first_of(" \t;&#"), text.size());
  const std::string_view rest = Trim(text.substr(end));
  if (!rest.empty() && std::string_view(";&#").find(rest[0]) == std::string_view::npos) return {};
  exported = exported || rest.find("export") != std::string_view::npos ||
             std::any_of(lines.begin(), lines.end(), [&](const FileLine& other) {
               return other.path == line.path && Trim(other.text).starts_with("export");
             });
  if (!exported) return {};
  text = text.substr(0, end);
  while (!text.empty() && (text.front() == '"' || text.front() == '\'')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == '"' || text.back() == '\'')) text.remove_suffix(1);
  return text;
}

// TZ may name a file, with a colon before it or not.
std::string_view ZoneName(std::string_view value) {
  if (value.starts_with(":")) value.remove_prefix(1);
  constexpr std::string_view kFolder = "zoneinfo/";
  const size_t at = value.find(kFolder);
  return at == std::string_view::npos ? value : value.substr(at + kFolder.size());
}

}  // namespace

void ZoneAndRtc(const Case& patient, Findings& findings) {
  const std::string& wanted = patient.host.time.timezone;
  if (!wanted.empty() && patient.facts.timezone != wanted)
    Add(findings, "timezone", Severity::kWarning,
        fmt::format("the time zone is {}, the inventory says {}: a right clock looks wrong",
                    patient.facts.timezone.empty() ? "not known" : patient.facts.timezone, wanted),
        Push(patient));
  if (patient.facts.rtc_is_local)
    Add(findings, "rtc-local", Severity::kWarning,
        "/etc/adjtime: the hardware clock keeps local time: it is wrong by hours after a start in "
        "another zone or season",
        "hwclock --systohc --utc");
}

void ZoneOverridden(const Case& patient, Findings& findings) {
  for (const FileLine& line : patient.answers.tz) {
    const std::string_view value = SessionZone(line, patient.answers.tz);
    const std::string_view zone = ZoneName(value);
    if (zone.empty() || zone == "/etc/localtime" || zone == patient.facts.timezone) continue;
    Add(findings, "tz-overrides", Severity::kWarning,
        fmt::format("{}: TZ={} overrides /etc/localtime ({}) in every session: a right clock looks "
                    "wrong there",
                    line.where, value,
                    patient.facts.timezone.empty() ? "zone not known" : patient.facts.timezone),
        "take the line out; the zone of the host is time.timezone of the inventory");
  }
}

void Services(const Case& patient, Findings& findings) {
  const FileLine* tcp = nullptr;
  for (const FileLine& line : patient.answers.services) {
    const auto words = SplitWords(line.text);
    if (words.size() < 2 || words[0] != "ntp") continue;
    if (words[1] == "123/udp") return;
    if (words[1] == "123/tcp") tcp = &line;
  }
  if (tcp != nullptr)
    Add(findings, "services-tcp-only", Severity::kWarning,
        fmt::format("{}: ntp is 123/tcp alone: NTP is UDP, and programs that look it up by name "
                    "find no port",
                    tcp->where),
        "sed -i 's,^ntp[[:space:]]*123/tcp,ntp 123/udp,' /etc/services");
}

void PasswordLists(const Case& patient, Findings& findings) {
  for (const std::string& list : patient.answers.password_lists) {
    const size_t colon = list.rfind(':');
    const std::string path = list.substr(0, colon);
    Add(findings, "password-list", Severity::kError,
        fmt::format("{}: everybody on this host may read it, and its {} lines look like user, "
                    "password and host",
                    path, colon == std::string::npos ? "" : list.substr(colon + 1)),
        fmt::format("change these passwords; rm {}; use keys", ShellQuote(path)));
  }
}

}  // namespace fleetsync::doctor
