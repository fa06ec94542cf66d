#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/file.h"
#include "base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exec_output.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/ssh/fleet.h"
#include "controller/ui/progress.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

constexpr size_t kLargestInput = size_t{1} << 30;
// Results that are there do not wait for a host that is not.
constexpr Duration kQuiet = std::chrono::seconds(1);

struct ExecOptions {
  std::vector<std::string> misplaced;  // a command that does not stand after --
  std::string input_path;
  bool become = false;
  bool lines = false;
  size_t max_output = size_t{1} << 20;
};

void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Runs one command and keeps, or shows at once, what it says.
class ExecConversation : public ssh::Conversation {
 public:
  ExecConversation(const ssh::Command& command, ExecResult& result, bool lines, bool json)
      : command_(command), result_(result), lines_(lines), json_(json) {}

  Next OnReady(Now) override { return RunCommand{.command = command_}; }
  Next OnOutput(Now, std::string_view bytes, bool is_stderr) override {
    if (lines_) {
      std::string& unfinished = is_stderr ? unfinished_error_ : unfinished_;
      Print(PrefixedLines(result_.host->name, unfinished, bytes));
    } else if (json_) {
      (is_stderr ? result_.err : result_.out) += bytes;
    } else {
      result_.text += bytes;
    }
    return Wait{};
  }
  Next OnExit(Now, const ssh::Exit& exit) override {
    result_.exit = exit;
    FinishLines();
    return Done{};
  }
  void OnFailed(const ssh::Failure& failure) override {
    result_.failure = failure;
    FinishLines();
  }

 private:
  void FinishLines() {
    for (std::string* unfinished : {&unfinished_, &unfinished_error_})
      if (!unfinished->empty()) Print(PrefixedLines(result_.host->name, *unfinished, "\n"));
  }

  const ssh::Command& command_;
  ExecResult& result_;
  const bool lines_, json_;
  std::string unfinished_, unfinished_error_;
};

class ExecObserver : public ssh::FleetObserver {
 public:
  ExecObserver(std::vector<ExecResult>& results, ui::Progress& progress, bool folds, bool color)
      : results_(results), progress_(progress), folds_(folds), color_(color) {
    for (ExecResult& result : results) by_host_[result.host] = &result;
  }

  ExecResult& ResultOf(const inventory::Host& host) { return *by_host_.at(&host); }

  void OnStage(const inventory::Host& host, ssh::Stage stage) override {
    progress_.OnStage(host.name, ssh::ToString(stage));
  }
  void OnHostDone(const inventory::Host& host, ssh::Conversation&, const ssh::Failure*) override {
    progress_.OnHostDone(host.name, FailureText(ResultOf(host)));
    something_ended_ = unprinted_ = true;
  }
  void OnTurn(Now now) override {
    if (std::exchange(something_ended_, false)) last_end_ = now.mono;
    if (!folds_ || !unprinted_ || now.mono - last_end_ < kQuiet) return;
    PrintFolded();
  }
  void PrintFolded() {
    progress_.Finish();
    Print(FoldedText(results_, color_));
    unprinted_ = false;
  }

 private:
  std::vector<ExecResult>& results_;
  ui::Progress& progress_;
  const bool folds_, color_;
  std::map<const inventory::Host*, ExecResult*> by_host_;
  bool something_ended_ = false, unprinted_ = false;
  MonoTime last_end_{};
};

StatusOr<ssh::Command> MakeCommand(const Context& context, const ExecOptions& options) {
  if (!options.misplaced.empty() || context.command_words.empty())
    return absl::InvalidArgumentError(
        fmt::format("exec: write the command after --, such as: fleetsync exec -- {}",
                    options.misplaced.empty() ? "uptime" : Join(options.misplaced, " ")));
  ssh::Command command{.line = Join(context.command_words, " "),
                       .standard_input = "",
                       .become = options.become,
                       .max_output = options.max_output,
                       .deadline = context.options.timeout};
  if (options.input_path.empty()) return command;
  FS_ASSIGN_OR_RETURN(std::string input, ReadFile(options.input_path, kLargestInput));
  command.shared_input = std::make_shared<const std::string>(std::move(input));
  return command;
}

int CodeOf(const Context& context, const std::vector<ExecResult>& results) {
  std::vector<std::string> failed;
  for (const ExecResult& result : results)
    if (!result.ok()) failed.push_back(result.host->name);
  RememberFailed(context, failed);
  if (*context.stop) return kInterrupted;
  return failed.empty() ? kAllWell : kHostFailed;
}

int RunExec(const Context& context, const ExecOptions& options) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  const StatusOr<ssh::Command> command = MakeCommand(context, options);
  if (!command.ok()) {
    PrintError(Message(command.status()));
    return kUsage;
  }
  std::vector<ExecResult> results(chosen->hosts.size());
  for (size_t i = 0; i < results.size(); ++i) results[i].host = chosen->hosts[i];
  const bool lines = options.lines || (context.options.verbose && !context.json());
  ui::Progress progress("running", results.size(), context.options.verbose);
  ExecObserver observer(results, progress, !lines && !context.json(), context.color);
  const Status status = ssh::RunFleet(
      chosen->hosts, FleetOptionsFrom(context.options),
      [&](const inventory::Host& host) {
        return std::make_unique<ExecConversation>(*command, observer.ResultOf(host), lines,
                                                  context.json());
      },
      observer, *context.stop);
  if (!status.ok()) {
    PrintError(Message(status));
    return kHostFailed;
  }
  if (context.json())
    Print(ExecJson(command->line, results));
  else if (!lines)
    observer.PrintFolded();
  progress.Finish();
  return CodeOf(context, results);
}

}  // namespace

void AddExec(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "exec",
      "Runs a command on every chosen host at once. Hosts that say the same are shown together.\n\n"
      "  fleetsync exec -- uptime                          on all hosts, as the login user\n"
      "  fleetsync exec -g web --become -- systemctl is-active chrony\n"
      "  fleetsync exec --lines -- tail -n1 /var/log/syslog     as it comes, host by host\n"
      "  fleetsync exec --input ntp.keys --become -- 'umask 077; cat >/etc/ntp.keys'\n"
      "  fleetsync exec -o json -- date                    for programs\n\n"
      "The words after -- are joined by spaces and read by the login user's shell there, as with "
      "ssh.\n"
      "Exit code: 0 when the command ended with 0 on every host, 1 otherwise.");
  auto options = std::make_shared<ExecOptions>();
  command->add_option("COMMAND", options->misplaced, "The command and its arguments, after --");
  command->add_flag("--become", options->become,
                    "Become root by the host's become method (sudo, doas) first");
  command->add_flag("--lines", options->lines,
                    "Print \"HOST: LINE\" as lines come instead of folding; -v does so too");
  command
      ->add_option("--input", options->input_path,
                   "A file that every host's command gets as standard input")
      ->type_name("FILE");
  command
      ->add_option("--max-output", options->max_output,
                   "Most bytes that a host may say; then it fails and is cut off")
      ->check(CLI::Range(size_t{1}, size_t{1} << 30))
      ->type_name("BYTES")
      ->capture_default_str();
  command->callback([&action, options] {
    action = [options](const Context& context) { return RunExec(context, *options); };
  });
}

}  // namespace fleetsync::cli
