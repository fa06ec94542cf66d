#include "agent/cli/run.h"

#include <sys/random.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "agent/cli/config_file.h"
#include "agent/daemon/privileges.h"
#include "agent/daemon/query.h"
#include "agent/daemon/stop_signal.h"
#include "agent/daemon/time_loop.h"
#include "agent/report/reporter.h"
#include "base/file.h"
#include "fmt/format.h"

namespace fleetsync::agent {
namespace {

enum ExitCode : int { kWell = 0, kFailed = 1, kUsage = 2, kUnsynchronised = 4 };

constexpr char kDefaultConfig[] = "/etc/fleetsync/agent.conf";
constexpr size_t kLargestConfig = 1024 * 1024;

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

// False: it was told what is wrong.
bool ReadConfig(const RunOptions& options, const std::string& file, AgentConfig& config) {
  if (!options.config_file.empty() || options.servers.empty()) {
    const auto text = ReadFile(file, kLargestConfig);
    if (!text.ok()) {
      Log(Message(text.status()));
      return false;
    }
    ParsedConfig parsed = ParseConfig(file, *text);
    for (const std::string& error : parsed.errors) Log(error);
    if (!parsed.errors.empty()) return false;
    config = std::move(parsed.config);
  }
  if (!options.servers.empty()) config.servers.clear();
  for (const std::string& words : options.servers) {
    ntp::SourceConfig server;
    if (const auto error = ParseServer(words, server)) {
      Log(fmt::format("--server {}: {}", words, *error));
      return false;
    }
    config.servers.push_back(server);
  }
  if (!options.user.empty()) config.user = options.user;
  if (config.host.empty()) config.host = OwnHostName();
  return true;
}

// What the directives say together; empty: nothing is wrong.
std::string CheckWhole(const AgentConfig& config, const RunOptions& options,
                       const std::string& file) {
  if (config.servers.empty()) {
    return fmt::format("{}: there is no time server; add \"server ADDRESS iburst\"", file);
  }
  if (options.no_report || options.query) return "";
  if (config.controller.empty()) {
    return fmt::format(
        "{}: there is no controller to report to; add \"controller HOST:PORT\", or run with "
        "--no-report",
        file);
  }
  if (!config.insecure_controller) {
    return fmt::format(
        "{}: controller {} would be reached without TLS; where nobody else can read or write on "
        "that network, add \"insecure-controller\"",
        file, config.controller);
  }
  return "";
}

int RunQuery(ntp::EngineConfig config) {
  const auto snapshot = daemon::Query(std::move(config), Seed());
  if (!snapshot.ok()) {
    Log(Message(snapshot.status()));
    return kFailed;
  }
  const std::string table = daemon::QueryTable(*snapshot);
  static_cast<void>(!write(STDOUT_FILENO, table.data(), table.size()));
  return snapshot->synchronised ? kWell : kUnsynchronised;
}

daemon::ReportingConfig Reporting(const AgentConfig& config) {
  const std::string spool = config.state_dir + "/spool";
  const std::string user = config.user.empty() ? daemon::DefaultReporterUser() : config.user;
  return {.interval = config.report_interval,
          .spool = {.folder = spool},
          .reporter_arguments = {"reporter", "--controller", config.controller, "--host",
                                 config.host, "--spool", spool, "--user", user, "--parent",
                                 fmt::format("{}", getpid())}};
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
  ntp::EngineConfig engine{.sources = config.servers};
  if (options.query) return RunQuery(std::move(engine));

  daemon::TimeLoopConfig loop{.shell = {.engine = std::move(engine), .seed = Seed(), .log = Log}};
  if (!options.no_report) {
    std::error_code error;
    std::filesystem::create_directories(config.state_dir, error);
    if (error) {
      Log(Message(
          ErrnoStatus(error.value(), fmt::format("making state-dir {}", config.state_dir))));
      return kFailed;
    }
    loop.reporting = Reporting(config);
  }
  if (const Status status = daemon::RunTimeLoop(loop); !status.ok()) {
    Log(Message(status));
    return kFailed;
  }
  return kWell;
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
                                             .socket = options.socket,
                                             .seed = Seed(),
                                             .log = Log,
                                             .stop_requested = daemon::StopRequested});
  if (status.ok()) return kWell;
  Log(fmt::format("reporter: {}", Message(status)));
  return kFailed;
}

}  // namespace fleetsync::agent
