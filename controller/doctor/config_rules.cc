#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <optional>

#include "controller/doctor/config.h"
#include "controller/doctor/rule_parts.h"
#include "fmt/format.h"

namespace fleetsync::doctor {
namespace {

constexpr int kLeastLocalStratum = 5;

std::optional<int> ToInt(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<uint32_t> ToIpv4(std::string_view text) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

void LocalStratum(const Case& patient, const ConfigLine& line, Findings& findings) {
  const bool fudge =
      line.words[0] == "fudge" && line.words.size() > 1 && line.words[1].starts_with("127.127.1.");
  if (!fudge && line.words[0] != "local") return;
  const std::optional<int> stratum = ToInt(line.After("stratum"));
  if (!stratum || *stratum >= kLeastLocalStratum) return;
  if (*stratum == 0)
    Add(findings, "fudge-stratum-0", Severity::kError,
        fmt::format("{}: \"{}\": this host's own clock claims the top of the tree", line.where,
                    line.Text()),
        Push(patient));
  else
    Add(findings, "low-local-stratum", Severity::kError,
        fmt::format("{}: \"{}\": this host's own clock claims to be nearer to UTC than real "
                    "servers, and clients follow it",
                    line.where, line.Text()),
        "stratum 10 or above, by time.local_stratum of the inventory; then " + Push(patient));
}

void OwnClock(const Case& patient, const ConfigLine& line, Findings& findings) {
  if (patient.host.role == inventory::Role::kRelay) return;
  const bool own =
      line.words[0] == "server" && line.words.size() > 1 && line.words[1].starts_with("127.127.1.");
  if (own || line.words[0] == "local")
    Add(findings, "local-clock", Severity::kWarning,
        fmt::format("{}: \"{}\" on a host that is no relay: it goes on claiming to be right when "
                    "its servers are gone",
                    line.where, line.Text()),
        Push(patient) + " takes it out");
}

// A network that a line opens, and whether the address has bits beyond the mask.
struct Opened {
  std::string_view address;
  bool host_bits = false;
};

std::optional<Opened> OpenedNetwork(const ConfigLine& line) {
  if (line.words.size() < 2 || (line.words[0] != "restrict" && line.words[0] != "allow"))
    return std::nullopt;
  const std::string_view word = line.words[1];
  const size_t slash = word.find('/');
  const auto address = ToIpv4(word.substr(0, slash));
  if (!address) return std::nullopt;
  uint32_t mask = ~uint32_t{0};
  if (slash != std::string_view::npos) {
    const auto bits = ToInt(word.substr(slash + 1));
    if (!bits || *bits < 0 || *bits > 32) return std::nullopt;
    mask = *bits == 0 ? 0 : mask << (32 - *bits);
  } else if (const auto given = ToIpv4(line.After("mask"))) {
    mask = *given;
  }
  return Opened{word.substr(0, slash), (*address & ~mask) != 0};
}

bool Opens(const ConfigLine& line) { return line.words[0] == "restrict" && line.Has("mask"); }

void ServesNobody(const Case& patient, const std::vector<ConfigLine>& lines, const ConfigLine& line,
                  Findings& findings) {
  if (patient.host.role != inventory::Role::kRelay || line.words[0] != "restrict" ||
      line.words.size() < 2)
    return;
  const bool everyone = line.words[1] == "default" || line.After(line.words[1]) == "default";
  if (everyone && (line.Has("ignore") || line.Has("noserve")) &&
      std::none_of(lines.begin(), lines.end(), Opens))
    Add(findings, "serves-nobody", Severity::kError,
        fmt::format("{}: \"{}\" refuses every client of this relay", line.where, line.Text()),
        Push(patient));
}

}  // namespace

void LocalClock(const Case& patient, Findings& findings) {
  for (const ConfigLine& line : ConfigLines(patient.facts)) {
    LocalStratum(patient, line, findings);
    OwnClock(patient, line, findings);
  }
}

void Access(const Case& patient, Findings& findings) {
  const std::vector<ConfigLine> lines = ConfigLines(patient.facts);
  for (const ConfigLine& line : lines) {
    ServesNobody(patient, lines, line, findings);
    const std::optional<Opened> opened = OpenedNetwork(line);
    if (opened && opened->host_bits)
      Add(findings, "mask-opens-more", Severity::kWarning,
          fmt::format("{}: \"{}\" is for the whole network, not for {} alone", line.where,
                      line.Text(), opened->address),
          "write the network, or leave the mask out");
  }
}

}  // namespace fleetsync::doctor
