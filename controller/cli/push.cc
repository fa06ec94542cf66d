#include <algorithm>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/clock_read.h"
#include "base/text.h"
#include "base/time_text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/push/report.h"
#include "controller/push/rollout.h"
#include "controller/ui/progress.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

struct PushFlags {
  push::ReportOptions report;
  size_t serial = 0;
  bool overwrite_edits = false;
};

// "20260523T113410Z-3f2a91c0": sorts by time, and two controllers cannot make the same one.
std::string NewRunId() {
  std::string id;
  for (const char c : FormatTime(ReadClocks().system))
    if (c != '-' && c != ':') id += c;
  return fmt::format("{}-{:08x}", id, std::random_device()());
}

bool Failed(const push::HostResult& host) {
  return host.result.outcome == push::Outcome::kFailed ||
         host.result.outcome == push::Outcome::kSkipped;
}

int CodeOf(const Context& context, const std::vector<push::HostResult>& results) {
  if (*context.stop) return kInterrupted;
  if (std::any_of(results.begin(), results.end(), Failed)) return kHostFailed;
  const auto pending = [](const push::HostResult& host) {
    return host.result.outcome == push::Outcome::kPending;
  };
  return std::any_of(results.begin(), results.end(), pending) ? kChangesPending : kAllWell;
}

void Remember(const Context& context, const std::vector<push::HostResult>& results) {
  std::vector<std::string> failed;
  for (const push::HostResult& host : results)
    if (Failed(host)) failed.push_back(host.host->name);
  RememberFailed(context, failed);
}

int RunPush(const Context& context, const PushFlags& flags) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  const StatusOr<std::vector<policy::TimePolicy>> policies =
      push::PoliciesFor(chosen->inventory, chosen->hosts);
  if (!policies.ok()) {
    const std::string errors = Message(policies.status());
    for (const std::string_view error : Split(errors, '\n')) PrintError(std::string(error));
    return kUsage;
  }
  push::RolloutOptions options{.push = {.check = flags.report.check,
                                        .overwrite_edits = flags.overwrite_edits,
                                        .apply = {.run_id = NewRunId()},
                                        .deadline = context.options.timeout},
                               .fleet = FleetOptionsFrom(context.options),
                               .serial = flags.serial};
  ui::Progress progress(flags.report.check ? "comparing" : "pushing", chosen->hosts.size(),
                        context.options.verbose);
  const push::RolloutWatch watch{
      .on_stage = [&](const inventory::Host& host,
                      ssh::Stage stage) { progress.OnStage(host.name, ssh::ToString(stage)); },
      .on_done =
          [&](const inventory::Host& host, const push::PushResult& result) {
            const bool failed = result.outcome == push::Outcome::kFailed;
            progress.OnHostDone(host.name, failed ? push::Verdict(result) : "");
          }};
  const StatusOr<std::vector<push::HostResult>> results =
      push::Rollout(chosen->hosts, *policies, options, watch, *context.stop);
  progress.Finish();
  if (!results.ok()) {
    PrintError(Message(results.status()));
    return kHostFailed;
  }
  const std::string text = context.json()
                               ? push::ToJson(*results, flags.report, options.push.apply.run_id)
                               : push::ToText(*results, flags.report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  Remember(context, *results);
  return CodeOf(context, *results);
}

}  // namespace

void AddPush(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "push",
      "Gives hosts the time configuration of the inventory: chrony.conf or ntp.conf, checked by "
      "the\n"
      "daemon itself, swapped as one step, the service restarted only when something changed. "
      "What\n"
      "fails is undone by the host. Relays first, then their clients.\n\n"
      "  fleetsync push --check --diff            what would change, exactly; touches nothing\n"
      "  fleetsync push --group web               change it\n"
      "  fleetsync push --serial 10               ten clients at a time\n"
      "  fleetsync push -o json                   for programs\n\n"
      "Exit code: 0 all well, 1 a host failed, 2 the inventory is wrong, 3 --check found changes.");
  auto flags = std::make_shared<PushFlags>();
  command->add_flag("--check", flags->report.check,
                    "Compare only and touch nothing; exit code 3 when anything would change");
  command->add_flag("--diff", flags->report.diff,
                    "Show each file's unified diff, hosts with the same change together");
  command->add_flag(
      "--overwrite-drift", flags->overwrite_edits,
      "Replace files that were edited by hand since the last push; else such a host is\n"
      "left alone and counts as failed");
  command
      ->add_option("--serial", flags->serial,
                   "Clients at a time; the next ones begin when these are done [all]")
      ->check(CLI::Range(size_t{1}, size_t{100'000}));
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunPush(context, *flags); };
  });
}

}  // namespace fleetsync::cli
