#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/rollout_run.h"

namespace fleetsync::cli {
namespace {

struct RollbackFlags {
  RolloutFlags rollout;
  std::string to;
};

int RunRollback(const Context& context, const RollbackFlags& flags) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  const push::PushOptions options{.apply = {.run_id = NewRunId()}};
  std::vector<push::HostTask> tasks;
  for (const inventory::Host* host : chosen->hosts)
    tasks.push_back(push::RollBack(host->name, flags.to, options.apply));
  return RunRollout(context, *chosen, "rollback", tasks, flags.rollout, options).exit_code;
}

}  // namespace

void AddRollback(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "rollback",
      "Brings hosts back to where they were before the newest run that changed them, from the\n"
      "backups that they keep (of ten runs): files, links, services. As careful as a push, and a\n"
      "run of its own: the next rollback takes it back.\n\n"
      "  fleetsync rollback --check --diff        what would change\n"
      "  fleetsync rollback --group web           the newest run, undone\n"
      "  fleetsync rollback --to RUN              back to how RUN left the hosts\n\n"
      "Exit code: 0 all well, 1 a host failed, 2 usage, 3 --check found changes.");
  auto flags = std::make_shared<RollbackFlags>();
  command
      ->add_option("--to", flags->to,
                   "Undo every run after this one; `fleetsync runs` lists them [the newest alone]")
      ->type_name("RUN");
  command->add_flag("--check", flags->rollout.report.check,
                    "Compare only and touch nothing; exit code 3 when anything would change");
  command->add_flag("--diff", flags->rollout.report.diff, "Show each file's unified diff");
  AddRolloutFlags(*command, flags->rollout);
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunRollback(context, *flags); };
  });
}

}  // namespace fleetsync::cli
