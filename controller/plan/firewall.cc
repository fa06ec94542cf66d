#include "controller/plan/firewall.h"

#include <utility>

#include "base/text.h"
#include "controller/facts/answer_lines.h"
#include "controller/facts/file_fact.h"
#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

using facts::FileFact;
using render::FirewallState;

void Keep(const std::string& key, FileFact& output, FileFact* file, FirewallState& state) {
  if (key == "nft") state.nft = std::move(output.content);
  if (key == "iptables") state.iptables = std::move(output.content);
  if (key == "ip6tables") state.ip6tables = std::move(output.content);
  if (key == "ufw") state.ufw = std::move(output.content);
  if (key == "rich_rules") state.rich_rules = std::move(output.content);
  if (key == "file" && file != nullptr) {
    file->exists = file->readable = true;
    file->content = std::move(output.content);
  }
}

std::string Because(const render::FirewallChange& change) {
  std::vector<std::string> parts;
  if (!change.opened.empty()) parts.push_back("to be opened for " + Join(change.opened, ", "));
  if (!change.closed.empty()) parts.push_back("no longer for " + Join(change.closed, ", "));
  return parts.empty() ? "its persisted rules" : Join(parts, "; ");
}

}  // namespace

StatusOr<FirewallState> ParseFirewall(std::string_view output) {
  FS_ASSIGN_OR_RETURN(
      facts::AnswerLines lines,
      facts::AnswerLines::Find(output, "fleetsync-firewall 1", "reading the relay's firewall"));
  FirewallState state;
  FileFact* file = nullptr;
  std::string key;
  while (const auto line = lines.Next()) {
    const std::string value = line->key == "encoding" ? "" : facts::Unescape(line->raw);
    if (line->key == "output") key = value;
    if (line->key == "zone") state.zone = value;
    if (line->key == "path") file = &state.files[value];
    if (line->key == "stat" && file != nullptr) facts::ReadStat(value, *file);
    if (line->key != "encoding") continue;
    FileFact read;
    facts::ReadContent(line->raw, lines, read);
    if (read.content.size() >= facts::kFileLimit)
      return absl::FailedPreconditionError(
          "the relay's firewall has more than 64 KiB of rules; open UDP 123 there by hand and set "
          "time.firewall to leave");
    Keep(key, read, file, state);
  }
  return state;
}

StatusOr<std::vector<PlannedChange>> SetFirewallRules(const policy::TimePolicy& desired,
                                                      const facts::Facts& actual,
                                                      const FirewallState& state) {
  FS_ASSIGN_OR_RETURN(render::FirewallChange change,
                      render::OpenNtp(actual.firewall, state, desired.allow));
  std::vector<PlannedChange> changes;
  for (auto& [path, text] : change.files) {
    const FileFact& file = state.files.at(path);
    PutFile put{.path = path,
                .before = file.content,
                .after = std::move(text),
                .mode = file.mode == 0 ? 0644 : file.mode & 07777,
                .check_program = {}};
    if (!file.owner.empty()) put.owner = file.owner;
    if (!file.group.empty()) put.group = file.group;
    changes.push_back({std::move(put), "UDP 123 " + Because(change)});
  }
  if (!change.commands.empty()) {
    const std::string because = "UDP 123 " + Because(change);
    changes.push_back({SetFirewall{actual.firewall, change.opened, change.closed,
                                   std::move(change.commands), std::move(change.undo)},
                       because});
  }
  return changes;
}

}  // namespace fleetsync::plan
