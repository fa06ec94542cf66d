#include "controller/cli/rollout_run.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <random>

#include "base/clock_read.h"
#include "base/text.h"
#include "base/time_text.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/cli/run_record.h"
#include "controller/ui/progress.h"
#include "fmt/format.h"

namespace fleetsync::cli {
namespace {

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

StatusOr<push::RolloutOptions> OptionsFrom(const Context& context, const RolloutFlags& flags,
                                           const push::PushOptions& push, size_t hosts) {
  push::RolloutOptions options{.push = push,
                               .fleet = FleetOptionsFrom(context.options),
                               .canary = flags.canary,
                               .max_fail = {}};
  options.push.check = flags.report.check;
  options.push.overwrite_edits = flags.overwrite_edits;
  options.push.await_synchronised = flags.wait_synced;
  options.push.deadline = context.options.timeout;
  options.push.apply.confirm_s = flags.confirm_s;
  if (!flags.serial.empty()) {
    FS_ASSIGN_OR_RETURN(options.serial, ParseShare(flags.serial, hosts));
    if (options.serial == 0) return absl::InvalidArgumentError("--serial: write 1 or more");
  }
  if (!flags.max_fail.empty()) {
    FS_ASSIGN_OR_RETURN(options.max_fail, ParseShare(flags.max_fail, hosts));
  }
  return options;
}

StatusOr<std::vector<push::HostResult>> Watched(const Context& context, const Chosen& chosen,
                                                const std::vector<push::HostTask>& tasks,
                                                const push::RolloutOptions& options) {
  ui::Progress progress(options.push.check ? "comparing" : "pushing", chosen.hosts.size(),
                        context.options.verbose);
  const push::RolloutWatch watch{
      .on_stage = [&](const inventory::Host& host,
                      ssh::Stage stage) { progress.OnStage(host.name, ssh::ToString(stage)); },
      .on_done =
          [&](const inventory::Host& host, const push::PushResult& result) {
            const bool failed = result.outcome == push::Outcome::kFailed;
            progress.OnHostDone(host.name, failed ? push::Verdict(result) : "");
          }};
  auto results = push::Rollout(chosen.hosts, tasks, options, watch, *context.stop);
  progress.Finish();
  return results;
}

}  // namespace

void AddRolloutFlags(CLI::App& command, RolloutFlags& flags) {
  command
      .add_option("--serial", flags.serial,
                  "Clients at a time, a number or a share of the hosts; the next ones begin when\n"
                  "these are done [all]")
      ->type_name("N|P%");
  command
      .add_option("--canary", flags.canary,
                  "Clients that go first and alone, and are waited for until they have selected a\n"
                  "source; when one fails, no other is begun")
      ->type_name("N");
  command
      .add_option("--max-fail", flags.max_fail,
                  "Begin no further batch when more hosts than this have failed [any number]")
      ->type_name("N|P%");
  command
      .add_option("--confirm-timeout", flags.confirm_s,
                  "Seconds after which a host takes a change of its firewall back unless it was\n"
                  "reached anew, by a connection of its own [60]")
      ->check(CLI::Range(1, 3600).description(""))
      ->type_name("S");
}

StatusOr<size_t> ParseShare(std::string_view text, size_t total) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || (percent && number > 100))
    return absl::InvalidArgumentError(
        fmt::format("'{}{}' is no number of hosts; write one such as 10, or a share such as 25%",
                    Printable(text), percent ? "%" : ""));
  return percent ? (total * number + 99) / 100 : number;
}

std::string NewRunId() {
  const SystemTime now = ReadClocks().system;
  std::string id;
  for (const char c : FormatTime(now))
    if (c != '-' && c != ':' && c != 'Z') id += c;
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch()).count();
  return fmt::format("{}{:03}Z-{:08x}", id, ms % 1000, std::random_device()());
}

RolloutEnd RunRollout(const Context& context, const Chosen& chosen, std::string_view command,
                      const std::vector<push::HostTask>& tasks, const RolloutFlags& flags,
                      const push::PushOptions& push) {
  const StatusOr<push::RolloutOptions> options =
      OptionsFrom(context, flags, push, chosen.hosts.size());
  if (!options.ok()) {
    PrintError(Message(options.status()));
    return {.results = {}, .exit_code = kUsage};
  }
  std::optional<RunRecord> record;
  if (!flags.report.check) record.emplace(context, push.apply.run_id, command, chosen);
  StatusOr<std::vector<push::HostResult>> results = Watched(context, chosen, tasks, *options);
  if (!results.ok()) {
    PrintError(Message(results.status()));
    return {.results = {}, .exit_code = kHostFailed};
  }
  if (record) record->Finish(*results, *context.stop);
  const std::string text = context.json() ? push::ToJson(*results, flags.report, push.apply.run_id)
                                          : push::ToText(*results, flags.report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  Remember(context, *results);
  const int code = CodeOf(context, *results);
  return {*std::move(results), code};
}

}  // namespace fleetsync::cli
