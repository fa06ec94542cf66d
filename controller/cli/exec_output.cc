#include "controller/cli/exec_output.h"

#include <algorithm>

#include "base/text.h"
#include "controller/ui/fold.h"
#include "controller/ui/table.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

using nlohmann::ordered_json;

// Hosts fold together when they failed alike or ended alike with the same output.
std::string FoldKey(const ExecResult& result) {
  std::string text = Printable(FailureText(result)) + '\n' + Printable(result.text);
  if (!text.ends_with('\n')) text += '\n';
  return text;
}

std::string Heading(const ui::Folded& folded) {
  if (folded.hosts.size() == 1) return folded.names;
  return fmt::format("{} ({} hosts)", folded.names, folded.hosts.size());
}

ordered_json ToJson(const ExecResult& result) {
  ordered_json json = {{"host", result.host->name}};
  if (result.exit) {
    if (result.exit->signal.empty())
      json["exit_code"] = result.exit->code;
    else
      json["signal"] = result.exit->signal;
  }
  json["stdout"] = result.out;
  json["stderr"] = result.err;
  if (result.failure)
    json["failure"] = {{"stage", ssh::ToString(result.failure->stage)},
                       {"fault", ssh::ToString(result.failure->fault)},
                       {"detail", result.failure->detail},
                       {"next_step", result.failure->next_step}};
  return json;
}

}  // namespace

std::string FailureText(const ExecResult& result) {
  if (result.failure) return ssh::ToString(*result.failure);
  if (!result.exit || result.exit->code == 0) return "";
  if (!result.exit->signal.empty()) return "killed by " + result.exit->signal;
  return fmt::format("exit code {}", result.exit->code);
}

std::string FoldedText(std::vector<ExecResult>& results, bool color) {
  std::vector<ui::HostText> texts;
  for (ExecResult& result : results) {
    if (result.printed || !result.ended()) continue;
    texts.push_back({.host = result.host->name, .text = FoldKey(result)});
    result.printed = true;
  }
  std::string page;
  for (const ui::Folded& folded : ui::Fold(texts)) {
    const size_t end = folded.text.find('\n');
    const std::string failure = folded.text.substr(0, end);
    std::string output = folded.text.substr(end + 1);
    if (output == "\n") output.clear();
    page += ui::Styled(Heading(folded), ui::Style::kBold, color) + ": ";
    page += failure.empty() ? ui::Styled("ok", ui::Style::kGood, color)
                            : ui::Styled(failure, ui::Style::kBad, color);
    page += '\n' + output;
  }
  return page;
}

std::string PrefixedLines(std::string_view host, std::string& unfinished, std::string_view bytes) {
  unfinished += bytes;
  std::string lines;
  size_t from = 0;
  for (size_t end = unfinished.find('\n'); end != std::string::npos;
       end = unfinished.find('\n', from)) {
    lines += fmt::format("{}: {}\n", host,
                         Printable(std::string_view(unfinished).substr(from, end - from)));
    from = end + 1;
  }
  unfinished.erase(0, from);
  return lines;
}

std::string ExecJson(const std::string& command, const std::vector<ExecResult>& results) {
  ordered_json hosts = ordered_json::array();
  for (const ExecResult& result : results) hosts.push_back(ToJson(result));
  const ordered_json document = {{"command", command}, {"hosts", std::move(hosts)}};
  return document.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace fleetsync::cli
