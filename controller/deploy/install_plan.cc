#include "controller/deploy/install_plan.h"

#include "base/sha256.h"
#include "base/text.h"
#include "controller/deploy/scripts.h"
#include "fmt/format.h"

namespace fleetsync::deploy {
namespace {

using facts::Init;

constexpr std::string_view kExecutable = "-rwxr-xr-x", kPlain = "-rw-r--r--";
constexpr std::string_view kGroupOnly = "-rw-r-----";

bool Differs(const HostState& state, std::string_view path, std::string_view sha256,
             std::string_view mode) {
  const auto found = state.files.find(std::string(path));
  return found == state.files.end() || found->second.sha256 != sha256 || found->second.mode != mode;
}

// install.sh's word.
std::string_view InitWord(Init init) {
  switch (init) {
    case Init::kSystemd:
      return "systemd";
    case Init::kOpenrc:
      return "openrc";
    case Init::kSysv:
    case Init::kBusybox:
    case Init::kUnknown:
      return "sysv";
  }
  return "sysv";
}

std::string Assign(std::string_view name, std::string_view value) {
  return fmt::format("{}={}\n", name, ShellQuote(value));
}

std::string Prelude(std::string_view action, const HostState& state) {
  return Assign("action", action) + Assign("init", InitWord(state.facts.init)) +
         Assign("unit_path", UnitFor(state.facts.init).path) +
         Assign("sha256_tool", state.sha256_tool);
}

}  // namespace

Unit UnitFor(Init init) {
  switch (init) {
    case Init::kSystemd:
      return {.path = kSystemdUnitPath, .text = SystemdUnit(), .mode = 0644};
    case Init::kOpenrc:
      return {.path = kInitScriptPath, .text = OpenrcScript(), .mode = 0755};
    case Init::kSysv:
    case Init::kBusybox:
    case Init::kUnknown:
      return {.path = kInitScriptPath, .text = SysvScript(), .mode = 0755};
  }
  return {};
}

StatusOr<InstallPlan> PlanInstall(const HostState& state, const AgentBinary& binary,
                                  std::string_view config) {
  if (!state.facts.is_root) {
    return absl::FailedPreconditionError(
        "installing needs root; log in as root or give the host become: sudo");
  }
  if (!RunsOn(binary.machine, state.facts.machine)) {
    return absl::FailedPreconditionError(
        fmt::format("the agent's program is for {}, this host is {}; give a build for it with "
                    "--binary",
                    binary.machine, Printable(state.facts.machine)));
  }
  if (state.sha256_tool.empty()) {
    return absl::FailedPreconditionError(
        "the host has neither sha256sum nor openssl to check what arrives; install coreutils or "
        "openssl");
  }
  const Unit unit = UnitFor(state.facts.init);
  InstallPlan plan;
  plan.send_binary = Differs(state, kBinaryPath, binary.sha256, kExecutable);
  plan.write_config = Differs(state, kConfigPath, Sha256Hex(config), kGroupOnly);
  plan.write_unit =
      Differs(state, unit.path, Sha256Hex(unit.text), unit.mode == 0755 ? kExecutable : kPlain);
  plan.add_user = !state.has_user;
  plan.enable = state.can_enable && !state.enabled;
  plan.start = !state.running;
  plan.recover = state.unfinished;
  // What a killed installation left is put back first, so what is there now says nothing.
  if (plan.recover) plan.send_binary = plan.write_config = plan.write_unit = true;
  return plan;
}

bool HasAgent(const HostState& state) {
  return state.files.contains(std::string(kBinaryPath)) ||
         state.files.contains(std::string(kConfigPath)) ||
         state.files.contains(std::string(UnitFor(state.facts.init).path)) || state.unfinished;
}

std::string InstallScriptFor(const InstallPlan& plan, const HostState& state,
                             const AgentBinary& binary, std::string_view config) {
  const Unit unit = UnitFor(state.facts.init);
  std::string script = Prelude("install", state);
  script += Assign("send_binary", !plan.send_binary ? "" : state.has_gzip ? "gzip" : "plain");
  script += Assign("binary_sum", binary.sha256);
  script += Assign("write_config", plan.write_config ? "1" : "");
  if (plan.write_config) script += Assign("config", config);
  script += Assign("write_unit", plan.write_unit ? "1" : "");
  if (plan.write_unit) {
    script += Assign("unit", unit.text);
    script += Assign("unit_mode", unit.mode == 0755 ? "755" : "644");
  }
  return script + std::string(InstallScript());
}

std::string RemoveScriptFor(const HostState& state, bool purge) {
  return Prelude("remove", state) + Assign("purge", purge ? "1" : "") +
         std::string(InstallScript());
}

std::string CommandFor(size_t size) {
  // The assignments are the last lines but one; eval runs nothing of a script that is cut off.
  return fmt::format("eval \"$(dd bs=1 count={} 2>/dev/null)\"", size);
}

}  // namespace fleetsync::deploy
