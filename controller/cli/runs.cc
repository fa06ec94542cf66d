#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/text.h"
#include "base/time_text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/run_record.h"
#include "controller/ui/fold.h"
#include "controller/ui/table.h"
#include "db/units.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

using Json = nlohmann::ordered_json;

struct RunsFlags {
  std::string run;
  size_t limit = 20;
};

std::string CountsOf(const db::Run& run) {
  std::map<std::string, size_t> counts;
  for (const db::RunHost& host : run.hosts) ++counts[host.outcome];
  std::vector<std::string> parts;
  for (const auto& [outcome, count] : counts) parts.push_back(fmt::format("{} {}", count, outcome));
  return Join(parts, ", ");
}

std::string Took(const db::Run& run) {
  return run.finished ? FormatDuration(*run.finished - run.started) : "not finished";
}

std::string Table(const std::vector<db::Run>& runs) {
  if (runs.empty()) return "no run is recorded yet\n";
  static const std::vector<ui::Column> kColumns = {
      {"RUN"}, {"STARTED"}, {"TOOK", ui::Align::kRight}, {"COMMAND"}, {"BY"}, {"HOSTS"}};
  std::vector<std::vector<std::string>> rows;
  for (const db::Run& run : runs)
    rows.push_back({run.id, FormatTime(run.started), Took(run), run.command,
                    fmt::format("{}@{}", run.user, run.controller), CountsOf(run)});
  return ui::FormatTable(kColumns, rows);
}

std::string One(const db::Run& run) {
  std::string text = fmt::format(
      "run        {}\ncommand    {}\nby         {}@{}\ninventory  {}\nstarted    {}\n"
      "took       {}\n\n",
      run.id, run.command, run.user, run.controller, Printable(run.inventory),
      FormatTime(run.started), Took(run));
  std::vector<ui::HostText> hosts;
  for (const db::RunHost& host : run.hosts) hosts.push_back({host.host, host.detail + "\n"});
  for (const ui::Folded& folded : ui::Fold(hosts))
    text += fmt::format("{}: {}", folded.names, folded.text);
  return text;
}

std::string ToJson(const std::vector<db::Run>& runs) {
  Json list = Json::array();
  for (const db::Run& run : runs) {
    Json hosts = Json::array();
    for (const db::RunHost& host : run.hosts)
      hosts.push_back({{"host", host.host}, {"outcome", host.outcome}, {"detail", host.detail}});
    list.push_back({{"run", run.id},
                    {"command", run.command},
                    {"user", run.user},
                    {"controller", run.controller},
                    {"inventory", run.inventory},
                    {"started", FormatTime(run.started)},
                    {"finished", run.finished ? Json(FormatTime(*run.finished)) : Json(nullptr)},
                    {"hosts", std::move(hosts)}});
  }
  return Json{{"runs", std::move(list)}}.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int RunRuns(const Context& context, const RunsFlags& flags) {
  auto runs = RecordedRuns(context.options, flags.run.empty() ? flags.limit : size_t{1} << 20);
  if (!runs.ok()) {
    PrintError(Message(runs.status()));
    return kHostFailed;
  }
  if (!flags.run.empty()) {
    std::erase_if(*runs, [&](const db::Run& run) { return run.id != flags.run; });
    if (runs->empty()) {
      PrintError(fmt::format("there is no run {}; `fleetsync runs` lists them", flags.run));
      return kUsage;
    }
  }
  const std::string text = context.json()      ? ToJson(*runs)
                           : flags.run.empty() ? Table(*runs)
                                               : One(runs->front());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return kAllWell;
}

}  // namespace

void AddRuns(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "runs",
      "The pushes and rollbacks that were run from here: who, when, what, and what came of it.\n\n"
      "  fleetsync runs                   the newest twenty\n"
      "  fleetsync runs RUN               one of them, host by host\n"
      "  fleetsync runs -o json           for programs");
  auto flags = std::make_shared<RunsFlags>();
  command->add_option("RUN", flags->run, "One run, by its id");
  command->add_option("--last", flags->limit, "How many")->type_name("N")->capture_default_str();
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunRuns(context, *flags); };
  });
}

}  // namespace fleetsync::cli
