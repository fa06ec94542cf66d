// From fleet.yaml to what a root shell on a host is given: whatever stands in the inventory, in the
// files that name it, in a key, or in what a host says of itself, the scripts are whole for a real
// shell, and none of it is ever run. What would be run makes a file called "canary".

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "controller/plan/apply_script.h"
#include "controller/plan/script_text.h"
#include "controller/policy/time_policy.h"
#include "fmt/format.h"
#include "inventory/fleet_yaml.h"
#include "tests/controller/render/samples.h"

namespace {

using namespace fleetsync;

// Where the scripts run, with no program in reach: only what the shell itself can do.
const std::filesystem::path& Folder() {
  static const std::filesystem::path folder = [] {
    char path[] = "/tmp/fleetsync-canary-XXXXXX";
    if (mkdtemp(path) == nullptr) std::abort();
    std::atexit([] { std::filesystem::remove_all(Folder()); });
    return std::filesystem::path(path);
  }();
  return folder;
}

int RunShell(const std::string& script, const char* flag) {
  const std::string path = (Folder() / "script").string();
  std::ofstream(path, std::ios::binary) << script;
  // Not fork: a sanitizer's memory takes long to copy.
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, Folder().c_str());
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, path.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  char name[] = "sh", standard_input[] = "-s", environment[] = "PATH=/nonexistent";
  std::string option = flag;
  char* const arguments[] = {name, option.data(), standard_input, nullptr};
  char* const variables[] = {environment, nullptr};
  pid_t child = 0;
  const int failed = posix_spawn(&child, "/bin/sh", &actions, nullptr, arguments, variables);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return 127;
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void Check(bool condition, const std::string& script) {
  if (condition) return;
  std::fwrite(script.data(), 1, script.size(), stderr);
  std::abort();
}

std::string Without(std::string text, std::string_view part) {
  const size_t at = text.find(part);
  if (at != std::string::npos) text.erase(at, part.size());
  return text;
}

// Everything that would do something is replaced.
constexpr std::string_view kStubs = R"(
for name in check_file check_link needs_file keep_file keep_link keep_service stage_file \
    check_chronyd check_ntpd check_openntpd swap_file take_file swap_link change_service set_clock \
    change_firewall keep_firewall install_package verify_service ask_served verify_serving \
    clean_file clean_link undo_file undo_link undo_service undo_firewall undo_package main; do
  eval "$name() { :; }"
done
)";

// A script as it stands within another one.
std::string Inside(std::string_view script) {
  const std::string quoted = ShellQuote(script);
  return quoted.substr(1, quoted.size() - 2);
}

// Calls what was made from the plan.
constexpr std::string_view kCalls = R"(
check_files; keep_files; stage_files; validate_files; swap_files; change_services; verify_services
clean_files; content_1; content_2; content_3; content_4
undo=$(undo_script) || exit 4
eval "$undo" || exit 5
undo_packages; undo_files; undo_services; clean_files
)";

std::string Called(const plan::HostPlan& plan) {
  std::string script = plan::ToApplyScript(plan, {.run_id = "run1"});
  // What every script has is tried elsewhere, and takes the shell long to read.
  script = Without(Without(std::move(script), plan::TransactionText()), plan::ApplyText());
  script = Without(Without(std::move(script), Inside(plan::TransactionText())),
                   Inside(plan::UndoText()));
  script = Without(Without(std::move(script), plan::ServicesText()), Inside(plan::ServicesText()));
  std::string empty;
  for (int i = 1; i <= 4; ++i) empty += fmt::format("content_{}() {{ :; }}\n", i);
  return empty + script.substr(0, script.rfind("main </dev/null")) + std::string(kCalls);
}

std::string Quoted(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      text += fmt::format("\\{}", c);
    else if (byte < 0x20 || byte == 0x7f)
      text += fmt::format("\\x{:02x}", byte);
    else
      text += c;
  }
  return text + "\"";
}

std::vector<policy::TimePolicy> PoliciesWith(std::string_view value) {
  std::vector<policy::TimePolicy> policies;
  for (const char* key : {"servers: [{}]", "timezone: {}", "drift_file: {}", "log_folder: {}",
                          "hwtimestamp: [{}]", "extra: [{}]", "extra_chrony: {}", "allow: [{}]",
                          "upstreams: [{}]", "peers: [{{address: {}, key: 7}}]"}) {
    const std::string yaml = fmt::format(
        "hosts:\n  web07: {{role: {}, time: {{local_stratum: 10, job: rtc, {}}}}}\n"
        "  other: {{role: relay}}\n",
        std::string_view(key).starts_with("servers") ? "client" : "relay",
        fmt::format(fmt::runtime(key), Quoted(value)));
    inventory::Loaded loaded = inventory::ParseFleetYaml(yaml, "fleet.yaml");
    if (!loaded.ok()) continue;
    loaded.inventory.path = "/tmp/" + std::string(value);
    const auto policy = policy::FromInventory(loaded.inventory, loaded.inventory.hosts[0]);
    if (policy.ok()) policies.push_back(*policy);
  }
  policies.push_back(samples::WithKey(inventory::NtpKey::Type::kSha256, std::string(value)));
  return policies;
}

facts::Facts HostThatSays(std::string_view value) {
  facts::DaemonFact daemon = samples::Chrony();
  daemon.service = daemon.binary = value;
  daemon.config_path = "/etc/" + std::string(value);
  facts::Facts facts = samples::HostWith(daemon, std::string(value));
  for (auto& [path, file] : facts.files) file.owner = file.group = value;
  facts.localtime_link = value;
  facts.cron = "cron.d";
  facts.tools.emplace_back("hwclock");
  return facts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  std::string scripts(kStubs), whole;
  const auto add = [&](const policy::TimePolicy& policy, const facts::Facts& facts) {
    const auto plan = plan::Diff(policy, facts, {.overwrite_edits = true});
    if (!plan.ok()) return;
    scripts += Called(*plan);
    whole = plan::ToApplyScript(*plan, {.run_id = "run1"});
  };
  facts::Facts plain = HostThatSays("x");
  plain.daemons[0] = samples::Chrony();
  for (const policy::TimePolicy& policy : PoliciesWith(value)) add(policy, plain);
  add(samples::Client(), HostThatSays(value));
  Check(RunShell(scripts, "-e") == 0, scripts);
  Check(RunShell(whole, "-n") == 0, whole);
  Check(!std::filesystem::exists(Folder() / "canary"), scripts);
  return 0;
}
