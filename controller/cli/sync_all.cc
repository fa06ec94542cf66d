#include <algorithm>
#include <cstdio>
#include <memory>

#include "CLI/CLI.hpp"
#include "base/clock_read.h"
#include "base/text.h"
#include "base/time_text.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/last_run.h"
#include "controller/cli/stream_agents.h"
#include "controller/sync/report.h"
#include "controller/sync/run.h"
#include "controller/ui/progress.h"

namespace fleetsync::cli {
namespace {

// An agent answers within a moment, or SSH sets its host's clock.
constexpr Duration kAgentsPatience = std::chrono::seconds(3);

constexpr const char* kAbout =
    "Set every host's clock once, now, from the relays, and measure each before and after.\n\n"
    "Offsets are measured from here over SSH, with a bound; no host is believed on its word. They\n"
    "are positive when the reference is ahead of the host. Each host uses what it has: chronyc,\n"
    "chronyd -q, ntpdate, ntpdig, sntp, ntpd -gq, busybox ntpd; with none of them, or with\n"
    "--over-ssh, its clock is set by what was measured. A service that is in the way is stopped "
    "and\n"
    "started again. Clocks within time.tolerance are left alone. While 'fleetsync serve' runs "
    "here,\n"
    "connected agents that keep their host's clock set it themselves, by what they measure.\n\n"
    "  fleetsync sync-all --dry-run             what would be done?\n"
    "  fleetsync sync-all --group web           these hosts\n"
    "  fleetsync sync-all --allow-backward      also clocks that are ahead\n"
    "  fleetsync sync-all --max-step 2h -l db3  a clock that is off by more than 1000 s\n"
    "  fleetsync sync-all --relay ntp1          from this server instead\n"
    "  fleetsync sync-all --serial 10%          a tenth at a time\n\n"
    "Exit: 0 all within tolerance, 1 a host failed, 2 usage, 4 a clock is out of tolerance.";

class ProgressObserver : public sync::SyncObserver {
 public:
  explicit ProgressObserver(ui::Progress& progress) : progress_(progress) {}
  void OnWarning(std::string_view text) override {
    progress_.Finish();
    PrintError("warning: " + std::string(text));
  }
  void OnStage(std::string_view host, std::string_view stage) override {
    progress_.OnStage(host, stage);
  }
  void OnHostDone(const sync::HostResult& result) override {
    const bool bad = result.outcome == sync::Outcome::kFailed;
    progress_.OnHostDone(result.host, bad ? result.detail : "");
  }

 private:
  ui::Progress& progress_;
};

void Print(const Context& context, const sync::SyncAllReport& report, Duration took) {
  std::string text;
  if (context.json()) {
    text =
        sync::ToJson(report).dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  } else {
    text = sync::Table(report, {.color = context.color, .every_host = context.options.verbose});
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", sync::Summary(report, took).c_str());
}

// For --failed: the hosts whose clocks were not set although they should have been.
void Remember(const Context& context, const sync::SyncAllReport& report) {
  std::vector<std::string> failed;
  for (const sync::HostResult& host : report.hosts) {
    const bool not_done = host.outcome == sync::Outcome::kFailed ||
                          host.outcome == sync::Outcome::kNotBegun ||
                          host.outcome == sync::Outcome::kRefused;
    if (not_done || host.OutOfTolerance()) failed.push_back(host.host);
  }
  RememberFailed(context, failed);
}

int RunSyncAll(const Context& context, sync::SyncAllOptions options) {
  const std::optional<Chosen> chosen = ChooseHosts(context);
  if (!chosen) return kUsage;
  options.fleet = FleetOptionsFrom(context.options);
  options.timeout = context.options.timeout;
  const std::unique_ptr<sync::Agents> agents =
      ConnectedAgents(DbPath(context.options), kAgentsPatience);
  options.agents = agents.get();
  ui::Progress progress(options.dry_run ? "measuring" : "setting clocks", chosen->hosts.size(),
                        context.options.verbose);
  ProgressObserver observer(progress);
  const MonoTime started = ReadClocks().mono;
  const StatusOr<sync::SyncAllReport> report =
      sync::RunSyncAll(chosen->inventory, chosen->hosts, options, observer, *context.stop);
  progress.Finish();
  if (!report.ok()) {
    PrintError(Message(report.status()));
    return absl::IsInvalidArgument(report.status()) ? kUsage : kHostFailed;
  }
  Print(context, *report, ReadClocks().mono - started);
  Remember(context, *report);
  return sync::ExitCodeOf(*report);
}

void AddOptions(CLI::App& command, sync::SyncAllOptions& options) {
  command
      .add_option("--relay", options.relays,
                  "Set from this server, a host of the inventory or any address (repeatable) "
                  "[the inventory's relays]")
      ->type_name("HOST")
      ->take_all();
  command.add_flag("--dry-run", options.dry_run, "Measure, and say what would be done");
  command.add_flag("--allow-backward", options.allow_backward,
                   "Step clocks that are ahead back; never on hosts whose time.backward is forbid");
  command
      .add_option_function<std::string>(
          "--max-step",
          [&options](const std::string& text) {
            const StatusOr<Duration> parsed = ParseDuration(text);
            if (!parsed.ok()) throw CLI::ValidationError("--max-step", Message(parsed.status()));
            options.max_step = *parsed;
          },
          "Largest step [time.max_step, or 1000s]")
      ->type_name("DURATION");
  command.add_flag("--force", options.force, "Set clocks that are within the tolerance as well");
  command.add_flag("--over-ssh", options.over_ssh,
                   "Set by the measurement over SSH, without NTP on the hosts");
  command
      .add_option("--serial", options.serial, "Hosts at a time, as a number or a percentage [all]")
      ->type_name("N|N%");
  command
      .add_option("--max-fail", options.max_fail,
                  "With --serial: go on to the next batch while at most so many have failed [0]")
      ->type_name("N");
  command.add_flag("--trust-controller-clock", options.trust_controller_clock,
                   "Measure by this machine's clock without checking it against a relay: every "
                   "host will be as wrong as it is");
}

}  // namespace

void AddSyncAll(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("sync-all", kAbout);
  auto options = std::make_shared<sync::SyncAllOptions>();
  AddOptions(*command, *options);
  command->callback([&action, options] {
    action = [options](const Context& context) { return RunSyncAll(context, *options); };
  });
}

}  // namespace fleetsync::cli
