#include "agent/cli/run.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "agent/cli/config_file.h"
#include "agent/cli/serve_setup.h"
#include "agent/clock/drift_file.h"
#include "agent/clock/null_clock.h"
#include "agent/clock/system_clock.h"
#include "agent/daemon/key_file_reader.h"
#include "agent/daemon/once.h"
#include "agent/daemon/privileges.h"
#include "agent/daemon/query.h"
#include "agent/daemon/resident_set.h"
#include "agent/daemon/rival.h"
#include "agent/daemon/stop_signal.h"
#include "agent/daemon/syscall_filter.h"
#include "agent/daemon/time_loop.h"
#include "agent/net/address_text.h"
#include "agent/report/reporter.h"
#include "agent/serve/ask_server.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time_text.h"
#include "fmt/format.h"

namespace fleetsync::agent {
namespace {

enum ExitCode : int { kWell = 0, kFailed = 1, kUsage = 2, kUnsynchronised = 4 };

constexpr char kDefaultConfig[] = "/etc/fleetsync/agent.conf";
constexpr char kRoot[] = "root";  // as `user`: give up nothing
constexpr size_t kLargestConfig = 1024 * 1024;
constexpr Duration kAnswersWithin = std::chrono::seconds(2);  // on this host

// One write a line: two processes share standard error.
void Log(const std::string& line) {
  const std::string text = fmt::format("fleetsync-agent: {}\n", line);
  static_cast<void>(!write(STDERR_FILENO, text.data(), text.size()));
}

uint64_t Seed() {
  uint64_t seed = 0;
  // Cannot fail for so few bytes once the kernel's pool is ready, for which it waits.
  static_cast<void>(!getrandom(&seed, sizeof seed, 0));
  return seed;
}

std::string OwnHostName() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

bool ReadFileConfig(const std::string& file, AgentConfig& config) {
  const auto text = ReadFile(file, kLargestConfig);
  if (!text.ok()) {
    Log(Message(text.status()));
    return false;
  }
  ParsedConfig parsed = ParseConfig(file, *text);
  for (const std::string& error : parsed.errors) Log(error);
  config = std::move(parsed.config);
  return parsed.errors.empty();
}

bool ReadServerOptions(const RunOptions& options, AgentConfig& config) {
  if (!options.servers.empty()) config.engine.sources.clear();
  for (const std::string& words : options.servers) {
    if (const auto error = ParseServer(words, config.engine.sources.emplace_back())) {
      Log(fmt::format("--server {}: {}", Printable(words), *error));
      return false;
    }
  }
  for (ntp::SourceConfig& source : config.engine.sources) {
    if (options.minpoll) source.minpoll = static_cast<int8_t>(*options.minpoll);
    source.maxpoll = std::max(source.minpoll, source.maxpoll);
    if (options.maxpoll) source.maxpoll = static_cast<int8_t>(*options.maxpoll);
    source.minpoll = std::min(source.minpoll, source.maxpoll);
  }
  return true;
}

// False: it was told what is wrong.
bool ReadConfig(const RunOptions& options, const std::string& file, AgentConfig& config) {
  const bool has_file = !options.config_file.empty() || options.servers.empty();
  if (has_file && !ReadFileConfig(file, config)) return false;
  if (!ReadServerOptions(options, config)) return false;
  for (const auto& [directive, value] : options.directives) {
    if (const auto error = ParseOption(directive, value, config)) {
      Log(fmt::format("command line: {}", *error));
      return false;
    }
  }
  if (config.host.empty()) config.host = OwnHostName();
  // What is given on the command line alone leaves nothing behind, unless told where.
  if (config.drift_file.empty() && has_file) config.drift_file = config.state_dir + "/drift";
  return true;
}

// What the directives say together; empty: nothing is wrong.
std::string CheckWhole(const AgentConfig& config, const RunOptions& options,
                       const std::string& file) {
  const bool measures = options.query || options.once;
  const bool observes = !measures && config.Observed() != observe::Kind::kNone;
  if (observes && config.engine.control_clock) {
    return fmt::format(
        "{}: an agent that keeps the clock observes no other program; add \"no-clock-control\", or "
        "leave out \"observe\"",
        file);
  }
  const bool serves_own = !measures && config.Serves() && config.serve.local_stratum;
  if (config.engine.sources.empty() && !(observes && !options.no_report) && !serves_own) {
    return fmt::format("{}: there is no time server; add \"server ADDRESS iburst\"", file);
  }
  for (const ntp::SourceConfig& source : config.engine.sources) {
    if (source.key && config.key_file.empty()) {
      return fmt::format("{}: server {} has a key; say where keys are: \"keyfile FILE\"", file,
                         Printable(source.name));
    }
  }
  if (options.no_report || measures) return "";
  if (config.controller.empty()) {
    return fmt::format(
        "{}: there is no controller to report to; add \"controller HOST:PORT\", or run with "
        "--no-report",
        file);
  }
  return "";
}

net::Timestamping TimestampingOf(const AgentConfig& config) {
  return config.user_timestamps ? net::Timestamping::kUser : net::Timestamping::kKernel;
}

void Print(const std::string& text) {
  static_cast<void>(!write(STDOUT_FILENO, text.data(), text.size()));
}

// Those that sources name are among them; none without a file.
StatusOr<ntp::KeyStore> ReadKeys(const AgentConfig& config) {
  if (config.key_file.empty()) return ntp::KeyStore();
  FS_ASSIGN_OR_RETURN(ntp::KeyStore keys, daemon::ReadKeyFile(config.key_file, Log));
  for (const ntp::SourceConfig& source : config.engine.sources) {
    if (source.key && keys.Find(*source.key) == nullptr) {
      return absl::NotFoundError(fmt::format("{}: there is no key {}, which server {} has",
                                             config.key_file, *source.key, Printable(source.name)));
    }
  }
  return keys;
}

StatusOr<daemon::ShellConfig> MakeShell(const AgentConfig& config, const ntp::KeyStore& keys) {
  daemon::ShellConfig shell{
      .engine = config.engine, .seed = Seed(), .log = Log, .timestamping = TimestampingOf(config)};
  if (keys.keys().empty()) return shell;
  FS_ASSIGN_OR_RETURN(ntp::Authenticator authenticator, ntp::Authenticator::Create(keys));
  shell.keys = std::make_shared<ntp::Authenticator>(std::move(authenticator));
  return shell;
}

StatusOr<ntp::Snapshot> Measure(const AgentConfig& config) {
  FS_ASSIGN_OR_RETURN(const ntp::KeyStore keys, ReadKeys(config));
  FS_ASSIGN_OR_RETURN(daemon::ShellConfig shell, MakeShell(config, keys));
  return daemon::Query(std::move(shell));
}

int RunQuery(const AgentConfig& config, bool json) {
  const auto snapshot = Measure(config);
  if (!snapshot.ok()) {
    Log(Message(snapshot.status()));
    return kFailed;
  }
  Print(json ? daemon::QueryJson(*snapshot) : daemon::QueryTable(*snapshot));
  return snapshot->synchronised ? kWell : kUnsynchronised;
}

void LogTroubles(const ntp::Snapshot& snapshot) {
  Log("no majority of the sources can be believed; the clock is left alone");
  for (const ntp::SourceSnapshot& s : snapshot.sources) {
    if (s.sample_age) {
      Log(fmt::format("{}: offset {}", Printable(s.name), FormatSigned(s.offset)));
    } else {
      Log(fmt::format("{}: {}", Printable(s.name), s.trouble.empty() ? "no answer" : s.trouble));
    }
  }
}

Status SetClockOnce(const AgentConfig& config, const ntp::Snapshot& snapshot) {
  SystemClock clock;
  FS_RETURN_IF_ERROR(clock.Reset());
  FS_ASSIGN_OR_RETURN(const Ppm frequency, clock.ReadFrequency());
  return daemon::SetOnce(snapshot, config.engine, frequency, clock, Log);
}

int RunOnce(const AgentConfig& config) {
  const auto snapshot = Measure(config);
  if (snapshot.ok() && !snapshot->synchronised) {
    LogTroubles(*snapshot);
    return kUnsynchronised;
  }
  const Status status = snapshot.ok() ? SetClockOnce(config, *snapshot) : Status(snapshot.status());
  if (!status.ok()) {
    Log(Message(status));
    return kFailed;
  }
  Print(daemon::OnceLine(*snapshot, config.engine));
  return kWell;
}

// The clock that is to be kept; without the permission one that is left alone, and `config` says
// so.
StatusOr<std::shared_ptr<Clock>> TakeClock(AgentConfig& config) {
  if (!config.engine.control_clock) return std::make_shared<NullClock>();
  auto clock = std::make_shared<SystemClock>();
  const Status status = clock->Reset();
  if (status.ok()) return clock;
  if (!absl::IsPermissionDenied(status)) return status;
  Log(fmt::format("{}; only measuring", Message(status)));
  config.engine.control_clock = false;
  return std::make_shared<NullClock>();
}

std::optional<ntp::Drift> SavedDrift(const DriftFile& file) {
  auto drift = file.Read();
  if (drift.ok()) return *std::move(drift);
  Log(Message(drift.status()));
  return std::nullopt;
}

std::string ReporterUser(const AgentConfig& config) {
  const bool named = !config.user.empty() && config.user != kRoot;
  return named ? config.user : daemon::DefaultReporterUser();
}

std::vector<std::string> ReporterArguments(const AgentConfig& config, const std::string& spool) {
  std::vector<std::string> arguments = {"reporter", "--controller", config.controller,
                                        "--host",   config.host,    "--spool",
                                        spool,      "--user",       ReporterUser(config)};
  if (config.engine.control_clock) arguments.emplace_back("--clock-controlled");
  if (!config.insecure_controller) {
    arguments.emplace_back("--tls");
    arguments.push_back(config.tls_dir);
  }
  return arguments;
}

StatusOr<daemon::ReportingConfig> Reporting(const AgentConfig& config, bool confined) {
  const std::string spool = config.state_dir + "/spool";
  std::vector<std::string> arguments = ReporterArguments(config, spool);
  daemon::ReportingConfig reporting{
      .interval = config.report_interval,
      .spool = {.folder = spool},
      .context = {.daemon = config.engine.control_clock ? "agent" : "",
                  .boot_id = report::BootId()},
      .observe = config.Observed(),
      .seed = Seed(),
      .reporter = nullptr};
  if (confined) {
    FS_ASSIGN_OR_RETURN(reporting.reporter, daemon::MakeLaunchedChild(std::move(arguments)));
  } else {
    reporting.reporter = daemon::MakeOwnChild(std::move(arguments));
  }
  return reporting;
}

// Before the first packet is read.
Status Confine(const AgentConfig& config) {
  const std::string user = config.user.empty() ? daemon::DefaultTimeUser() : config.user;
  if (!user.empty()) daemon::GiveState(config.state_dir, user, ReporterUser(config));
  FS_RETURN_IF_ERROR(daemon::KeepOnlyTheClock(user));
  if (config.seccomp == Seccomp::kOff) return absl::OkStatus();
  return daemon::FilterSystemCalls(config.seccomp == Seccomp::kKill ? daemon::Forbidden::kKills
                                                                    : daemon::Forbidden::kFails);
}

Status MakeStateFolder(const AgentConfig& config) {
  std::error_code error;
  std::filesystem::create_directories(config.state_dir, error);
  if (!error) return absl::OkStatus();
  return ErrnoStatus(error.value(), fmt::format("making state-dir {}", config.state_dir));
}

Status RunDaemon(AgentConfig& config, const RunOptions& options) {
  const bool keeps_drift = config.engine.control_clock && !config.drift_file.empty();
  if (keeps_drift || !options.no_report) FS_RETURN_IF_ERROR(MakeStateFolder(config));
  FS_ASSIGN_OR_RETURN(std::shared_ptr<Clock> clock, TakeClock(config));
  daemon::TimeLoopConfig loop;
  FS_ASSIGN_OR_RETURN(ntp::KeyStore keys, ReadKeys(config));
  std::optional<daemon::ServingConfig> serves;
  if (config.Serves()) serves = ServingOf(config.serve, Seed(), config.engine);
  FS_ASSIGN_OR_RETURN(loop.shell, MakeShell(config, keys));
  if (serves) serves->server.keys = std::move(keys);
  loop.shell.clock = std::move(clock);
  if (keeps_drift) {
    loop.shell.drift.emplace(config.drift_file);
    loop.shell.engine.drift = SavedDrift(*loop.shell.drift);
  }
  // A process that only measures has nothing of root to lose but what starts the reporter, and one
  // that observes needs what the daemons there ask of who asks them.
  const bool has_to_lose =
      config.engine.control_clock || (serves && config.Observed() == observe::Kind::kNone);
  const bool confined = has_to_lose && config.user != kRoot;
  if (!options.no_report) {
    FS_ASSIGN_OR_RETURN(loop.reporting, Reporting(config, confined));
  }
  // After the reporter's launcher is there, which would keep the ports for as long as it lives.
  std::unique_ptr<daemon::Serving> serving;
  if (serves) {
    FS_ASSIGN_OR_RETURN(serving, daemon::Serving::Bind(*std::move(serves), Log));
    loop.serving = serving.get();
  }
  if (confined) FS_RETURN_IF_ERROR(Confine(config));
  if (serving != nullptr) serving->Start();
  return daemon::RunTimeLoop(loop);
}

}  // namespace

int Run(const RunOptions& options) {
  daemon::WatchStopSignals();
  std::string file = options.config_file;
  if (file.empty()) file = options.servers.empty() ? kDefaultConfig : "command line";
  AgentConfig config;
  if (!ReadConfig(options, file, config)) return kUsage;
  if (const std::string wrong = CheckWhole(config, options, file); !wrong.empty()) {
    Log(wrong);
    return kUsage;
  }
  if (options.query) return RunQuery(config, options.json);
  if (config.engine.control_clock && !options.force) {
    if (const std::string rival = daemon::FindRival(); !rival.empty()) {
      Log(
          fmt::format("{} sets this host's clock already; stop it, or run with --no-clock-control "
                      "to measure alone (--force: set the clock beside it)",
                      rival));
      return kUsage;
    }
  }
  if (options.once) return RunOnce(config);
  const Status status = RunDaemon(config, options);
  if (status.ok()) return kWell;
  Log(Message(status));
  return kFailed;
}

int CheckConfig(const std::string& file) {
  RunOptions options;
  options.config_file = file;
  AgentConfig config;
  if (!ReadConfig(options, file, config)) return kUsage;
  const std::string wrong = CheckWhole(config, options, file);
  if (!wrong.empty()) Log(wrong);
  return wrong.empty() ? kWell : kUsage;
}

int CheckClock() {
  const StatusOr<bool> synchronised = SystemClock().IsSynchronised();
  if (synchronised.ok()) return *synchronised ? kWell : kUnsynchronised;
  Log(Message(synchronised.status()));
  return kFailed;
}

int CheckServing() {
  const auto answer = serve::AskServer(*net::ParseNumericAddress("127.0.0.1", 123), kAnswersWithin);
  if (!answer) {
    Log("nobody answers NTP requests on this host's loopback address");
    return kFailed;
  }
  const bool synchronised =
      answer->packet.leap != ntp::Leap::kUnsynchronised && answer->packet.stratum < 16;
  if (!synchronised) Log("this host's time server says that it is not synchronised");
  return synchronised ? kWell : kUnsynchronised;
}

int RunAsReporter(const ReporterOptions& options) {
  daemon::WatchStopSignals();
  if (const Status s = daemon::BecomeUnprivileged(options.user, options.parent); !s.ok()) {
    Log(fmt::format("reporter: {}", Message(s)));
    return kFailed;
  }
  const Status status = report::RunReporter({.controller = options.controller,
                                             .host = options.host,
                                             .spool_folder = options.spool,
                                             .tls_folder = options.tls,
                                             .socket = options.socket,
                                             .seed = Seed(),
                                             .clock_controlled = options.clock_controlled,
                                             .log = Log,
                                             .on_settled = daemon::ForgetStartUp,
                                             .stop_requested = daemon::StopRequested});
  if (status.ok()) return kWell;
  Log(fmt::format("reporter: {}", Message(status)));
  return kFailed;
}

}  // namespace fleetsync::agent
