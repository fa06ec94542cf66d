#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/rollout_run.h"
#include "controller/cli/settled.h"
#include "controller/cli/source_gate.h"
#include "controller/ssh/secret_store.h"
#include "inventory/time_graph.h"

namespace fleetsync::cli {
namespace {

// False, and said why, when the hosts would take their time from where they should not.
bool TimeGraphIsSound(const Chosen& chosen) {
  const inventory::Diagnostics errors = inventory::CheckTimeGraph(chosen.inventory, chosen.hosts);
  for (const inventory::Diagnostic& error : errors) PrintError(inventory::ToString(error));
  return errors.empty();
}

// Reads the secrets of all policies' keys, each once. False, and said why, when one is not to be
// had.
bool ReadAllKeys(std::vector<policy::TimePolicy>& policies) {
  std::map<std::pair<inventory::SecretSource::Kind, std::string>, Secret> known;
  const auto read = [&](const inventory::SecretSource& source) -> StatusOr<Secret> {
    const auto [slot, is_new] = known.try_emplace({source.kind, source.value});
    if (is_new) {
      FS_ASSIGN_OR_RETURN(slot->second, ssh::ReadSecret(source));
    }
    return slot->second.Clone();
  };
  for (policy::TimePolicy& policy : policies) {
    StatusOr<policy::KeyRing> keys = policy::ReadKeys(policy.settings.keys, read);
    if (!keys.ok()) {
      PrintError(policy.host + ": " + Message(keys.status()));
      return false;
    }
    policy.keys = *std::move(keys);
  }
  return true;
}

int RunPush(const Context& context, const RolloutFlags& flags, bool unchecked_sources) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen || !TimeGraphIsSound(*chosen)) return kUsage;
  StatusOr<std::vector<policy::TimePolicy>> policies =
      push::PoliciesFor(chosen->inventory, chosen->hosts);
  if (!policies.ok()) {
    const std::string errors = Message(policies.status());
    for (const std::string_view error : Split(errors, '\n')) PrintError(std::string(error));
    return kUsage;
  }
  if (!ReadAllKeys(*policies)) return kUsage;
  SourceGate gate(context);
  if (!flags.report.check && !unchecked_sources && !gate.Admit(*chosen, *policies)) return kUsage;
  SettledHosts settled(context.options);
  std::vector<push::HostTask> tasks;
  for (size_t i = 0; i < policies->size(); ++i) {
    tasks.push_back(push::BringTo((*policies)[i]));
    tasks.back().probe.settled = settled.Fingerprint(*chosen->hosts[i], (*policies)[i]);
  }
  const RolloutEnd end =
      RunRollout(context, *chosen, "push", tasks, flags, {.apply = {.run_id = NewRunId()}});
  settled.Remember(end.results, *policies);
  gate.Remember(end.results, *policies);
  return end.exit_code;
}

}  // namespace

void AddPush(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "push",
      "Gives hosts the time configuration of the inventory: the daemon's file, checked by the\n"
      "daemon itself, swapped as one step, the service restarted only when something changed. "
      "What\n"
      "fails is undone by the host. Relays first, one by one, then their clients.\n\n"
      "  fleetsync push --check --diff            what would change, exactly; touches nothing\n"
      "  fleetsync push --group web               change it\n"
      "  fleetsync push --canary 2 --serial 10% --max-fail 3\n"
      "  fleetsync push --failed                  go on where a run failed or was broken off\n"
      "  fleetsync push -o json                   for programs\n\n"
      "Exit code: 0 all well, 1 a host failed, 2 the inventory is wrong, 3 --check found changes.");
  auto flags = std::make_shared<RolloutFlags>();
  command->add_flag("--check", flags->report.check,
                    "Compare only and touch nothing; exit code 3 when anything would change");
  command->add_flag("--diff", flags->report.diff,
                    "Show each file's unified diff, hosts with the same change together");
  command->add_flag("--overwrite-drift", flags->overwrite_edits,
                    "Replace files that were edited by hand since the last push; else such a host\n"
                    "is left alone and counts as failed");
  command->add_flag(
      "--wait-synced", flags->wait_synced,
      "Wait for every client that is (re)started until it has selected a source; one\n"
      "that has none within a minute goes back and counts as failed");
  AddRolloutFlags(*command, *flags);
  auto unchecked = std::make_shared<bool>(false);
  command->add_flag("--unchecked-sources", *unchecked,
                    "Do not ask time sources that no push has given out so far whether they are\n"
                    "right");
  command->callback([&action, flags, unchecked] {
    action = [flags, unchecked](const Context& context) {
      return RunPush(context, *flags, *unchecked);
    };
  });
}

void AddPlan(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "plan",
      "What a push would change, exactly: the same as push --check --diff. Touches nothing.\n\n"
      "  fleetsync plan --group web\n\n"
      "Exit code: 0 nothing would change, 1 a host failed, 2 the inventory is wrong, 3 changes.");
  command->callback([&action] {
    action = [](const Context& context) {
      RolloutFlags flags;
      flags.report.check = flags.report.diff = true;
      return RunPush(context, flags, false);
    };
  });
}

}  // namespace fleetsync::cli
