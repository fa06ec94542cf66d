#include "controller/deploy/install_plan.h"

#include <utility>

#include "base/sha256.h"
#include "base/text.h"
#include "controller/deploy/scripts.h"
#include "controller/plan/script_text.h"
#include "fmt/format.h"

namespace fleetsync::deploy {
namespace {

using facts::Init;

constexpr std::string_view kExecutable = "-rwxr-xr-x", kPlain = "-rw-r--r--";
constexpr std::string_view kGroupOnly = "-rw-r-----", kOwnerOnly = "-rw-------";

bool Differs(const HostState& state, std::string_view path, std::string_view sha256,
             std::string_view mode) {
  const auto found = state.files.find(std::string(path));
  return found == state.files.end() || found->second.sha256 != sha256 || found->second.mode != mode;
}

std::string_view UnitPathFor(Init init) {
  return init == Init::kSystemd ? kSystemdUnitPath : kInitScriptPath;
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

std::string YesOr(bool set) { return set ? "1" : ""; }

std::string Prelude(std::string_view action, const HostState& state, const InstallPlan& plan) {
  const auto yes_or_no = [](bool yes) { return yes ? "yes" : "no"; };
  std::string rivals;
  for (const plan::SetService& rival : plan.rivals)
    rivals += fmt::format("{} {} {} {}\n", rival.service, rival.program,
                          yes_or_no(rival.run == plan::SetService::Run::kStopped),
                          yes_or_no(rival.boot == plan::SetService::Boot::kDisabled));
  return Assign("action", action) + Assign("init", InitWord(state.facts.init)) +
         Assign("unit_path", UnitPathFor(state.facts.init)) +
         Assign("sha256_tool", state.sha256_tool) + Assign("rivals", rivals) +
         Assign("keeps_clock", YesOr(plan.keeps_clock)) + Assign("observes", YesOr(plan.observes)) +
         Assign("leaves_clock", YesOr(plan.leaves_clock));
}

// services.sh and install.sh.
std::string Scripts() { return std::string(plan::ServicesText()) + std::string(InstallScript()); }

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string SystemdUnitFor(bool keeps_clock) {
  constexpr std::string_view kStartsReporter = "CAP_SETUID CAP_SETGID CAP_SETPCAP CAP_KILL";
  std::string text = Replaced(std::string(SystemdUnit()), "@PURPOSE@",
                              keeps_clock ? "keeps the clock" : "measures the clock");
  // CAP_CHOWN: what it writes becomes its own user's. CAP_NET_BIND_SERVICE: a push may make it a
  // relay, and changes no unit.
  return Replaced(std::move(text), "@CAPABILITIES@",
                  fmt::format("{}{}", kStartsReporter,
                              keeps_clock ? " CAP_CHOWN CAP_NET_BIND_SERVICE CAP_SYS_TIME" : ""));
}

Status CheckHost(const HostState& state, const AgentBinary& binary) {
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
  return absl::OkStatus();
}

void PlanProgram(const HostState& state, const AgentBinary& binary, InstallPlan& plan) {
  const Unit unit = UnitFor(state.facts.init, plan.keeps_clock);
  plan.send_binary = Differs(state, kBinaryPath, binary.sha256, kExecutable);
  plan.write_unit =
      Differs(state, unit.path, Sha256Hex(unit.text), unit.mode == 0755 ? kExecutable : kPlain);
  plan.recover = state.unfinished;
  // What a killed installation left is put back first, so what is there now says nothing.
  if (plan.recover) plan.send_binary = plan.write_unit = true;
}

}  // namespace

Unit UnitFor(Init init, bool keeps_clock) {
  const std::string_view path = UnitPathFor(init);
  switch (init) {
    case Init::kSystemd:
      return {.path = path, .text = SystemdUnitFor(keeps_clock), .mode = 0644};
    case Init::kOpenrc:
      return {.path = path, .text = std::string(OpenrcScript()), .mode = 0755};
    case Init::kSysv:
    case Init::kBusybox:
    case Init::kUnknown:
      return {.path = path, .text = std::string(SysvScript()), .mode = 0755};
  }
  return {};
}

StatusOr<InstallPlan> PlanInstall(const HostState& state, const AgentBinary& binary,
                                  const AgentWish& wish) {
  FS_RETURN_IF_ERROR(CheckHost(state, binary));
  InstallPlan plan;
  plan.keeps_clock = wish.keeps_clock;
  plan.observes = !wish.keeps_clock;
  plan.leaves_clock = state.keeps_clock && !wish.keeps_clock;
  plan.rivals = wish.rivals;
  PlanProgram(state, binary, plan);
  plan.write_config =
      plan.recover || Differs(state, kConfigPath, Sha256Hex(wish.config), kGroupOnly);
  plan.write_keys =
      !wish.keys.empty() &&
      (plan.recover || Differs(state, kKeysPath, Sha256Hex(wish.keys.Reveal()), kOwnerOnly));
  plan.add_user = !state.has_user;
  plan.add_time_user = wish.keeps_clock && !state.has_time_user;
  plan.enable = state.can_enable && !state.enabled;
  plan.start = !state.running;
  return plan;
}

StatusOr<InstallPlan> PlanUpgrade(const HostState& state, const AgentBinary& binary) {
  FS_RETURN_IF_ERROR(CheckHost(state, binary));
  InstallPlan plan;
  plan.keeps_clock = state.keeps_clock;
  PlanProgram(state, binary, plan);
  return plan;
}

bool HasAgent(const HostState& state) {
  return state.files.contains(std::string(kBinaryPath)) ||
         state.files.contains(std::string(kConfigPath)) ||
         state.files.contains(std::string(UnitPathFor(state.facts.init))) || state.unfinished;
}

InstallInput InstallInputFor(const InstallPlan& plan, const HostState& state,
                             const AgentBinary& binary, const AgentWish& wish,
                             const ca::Identity* identity) {
  const Unit unit = UnitFor(state.facts.init, plan.keeps_clock);
  InstallInput input{.script = Prelude("install", state, plan) + Assign("purge", "")};
  std::string& script = input.script;
  std::string secrets;
  if (plan.write_keys) secrets += wish.keys.Reveal();
  script += Assign("keys_size", plan.write_keys ? std::to_string(secrets.size()) : "");
  std::string sizes;
  if (plan.write_identity && identity != nullptr) {
    const std::string_view parts[] = {identity->authority, identity->certificate,
                                      identity->key.Reveal()};
    for (const std::string_view part : parts) {
      sizes += fmt::format("{} ", part.size());
      secrets += part;
    }
  }
  script += Assign("tls_sizes", Trim(sizes));
  input.secrets = Secret(std::move(secrets));
  script += Assign("send_binary", !plan.send_binary ? "" : state.has_gzip ? "gzip" : "plain");
  script += Assign("binary_sum", binary.sha256);
  script += Assign("write_config", YesOr(plan.write_config));
  if (plan.write_config) script += Assign("config", wish.config);
  script += Assign("write_unit", YesOr(plan.write_unit));
  if (plan.write_unit) {
    script += Assign("unit_text", unit.text);
    script += Assign("unit_mode", unit.mode == 0755 ? "755" : "644");
  }
  script += Scripts();
  return input;
}

std::string RemoveScriptFor(const HostState& state, bool purge) {
  InstallPlan plan;
  plan.leaves_clock = state.keeps_clock;
  return Prelude("remove", state, plan) + Assign("purge", YesOr(purge)) + Assign("keys_size", "") +
         Assign("tls_sizes", "") + Scripts();
}

std::string CommandFor(size_t size) {
  // The assignments are the last lines but one; eval runs nothing of a script that is cut off.
  return fmt::format("eval \"$(dd bs=1 count={} 2>/dev/null)\"", size);
}

}  // namespace fleetsync::deploy
