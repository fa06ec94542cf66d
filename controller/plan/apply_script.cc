#include "controller/plan/apply_script.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/sha256.h"
#include "base/text.h"
#include "controller/plan/script_text.h"
#include "controller/render/heading.h"
#include "fmt/format.h"

namespace fleetsync::plan {
namespace {

constexpr std::string_view kOpenJournal = "fleetsync-journal open";

bool IsPlainText(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= ' ' && c < 0x7f) || c == '\n' || c == '\t'; });
}

// Any bytes, in octal: shells differ in what they do to NUL and to bytes above 127.
std::string OctalPrintf(std::string_view bytes) {
  constexpr size_t kChunk = 256;
  std::string script;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kChunk, bytes.size()))) {
    script += "printf '";
    for (const char c : bytes.substr(0, kChunk))
      script += fmt::format("\\{:03o}", static_cast<unsigned char>(c));
    script += "' || return\n";
  }
  return script.empty() ? ":\n" : script;
}

std::string Printing(std::string_view text) {
  if (text.empty() || !IsPlainText(text)) return OctalPrintf(text);
  return fmt::format("printf %s {}\n", ShellQuote(text));
}

std::string_view Word(SetService::Run run) {
  switch (run) {
    case SetService::Run::kLeft:
      return "left";
    case SetService::Run::kStarted:
      return "started";
    case SetService::Run::kRestarted:
      return "restarted";
    case SetService::Run::kStopped:
      return "stopped";
  }
  return "";
}

std::string_view Word(SetService::Boot boot) {
  switch (boot) {
    case SetService::Boot::kLeft:
      return "left";
    case SetService::Boot::kEnabled:
      return "enabled";
    case SetService::Boot::kDisabled:
      return "disabled";
  }
  return "";
}

std::string_view Word(Inquiry inquiry) {
  switch (inquiry) {
    case Inquiry::kNone:
      return "none";
    case Inquiry::kChronyc:
      return "chronyc";
    case Inquiry::kNtpq:
      return "ntpq";
    case Inquiry::kNtpctl:
      return "ntpctl";
    case Inquiry::kTimesyncd:
      return "timesyncd";
    case Inquiry::kAgent:
      return "agent";
  }
  return "";
}

std::string_view YesOrNo(bool yes) { return yes ? "yes" : "no"; }

// The bodies of the functions that the scripts call, a line for each change.
struct Bodies {
  std::string check, keep, stage, validate, swap, change, verify, verify_more;  // apply
  std::string undo_firewall, undo_packages, undo_files, undo_services, clean;   // undo
  std::string contents;
};

std::string DigestBefore(const PutFile& put) {
  if (!put.before) return "absent";
  return put.before_sha256.empty() ? Sha256Hex(*put.before) : ShellQuote(put.before_sha256);
}

void Add(const PutFile& put, size_t number, Bodies& bodies) {
  const std::string path = ShellQuote(put.path);
  bodies.check += fmt::format("check_file {} {}\n", path, DigestBefore(put));
  bodies.keep += fmt::format("keep_file {} {}\n", number, path);
  // The last change is undone first.
  bodies.undo_files =
      fmt::format("undo_file {} {}\n", path, put.before ? "file" : "absent") + bodies.undo_files;
  bodies.clean += fmt::format("clean_file {}\n", path);
  if (!put.after) {
    bodies.swap += fmt::format("take_file {}\n", path);
    return;
  }
  bodies.stage +=
      fmt::format("stage_file {} {} {} {} {:04o} {:04o}\n", number, path, Sha256Hex(*put.after),
                  ShellQuote(put.owner + ":" + put.group), put.mode, 0777 & ~put.mode);
  const std::string program = ShellQuote(put.check_program);
  switch (put.checker) {
    case render::Checker::kNone:
      break;
    case render::Checker::kChronyd:
      bodies.validate += fmt::format("check_chronyd {} {}\n", program, path);
      break;
    case render::Checker::kNtpd:
      bodies.validate += fmt::format("check_ntpd {} {}\n", program, path);
      break;
    case render::Checker::kOpenntpd:
      bodies.validate += fmt::format("check_openntpd {} {}\n", program, path);
      break;
    case render::Checker::kAgent:
      bodies.validate += fmt::format("check_agent {} {}\n", program, path);
      break;
  }
  bodies.swap += fmt::format("swap_file {}\n", path);
  bodies.contents += fmt::format("content_{}() {{\n{}}}\n", number, Printing(*put.after));
}

void Add(const PutLink& put, size_t number, Bodies& bodies) {
  const std::string path = ShellQuote(put.path);
  bodies.check +=
      fmt::format("check_link {} {}\nneeds_file {} {}\n", path, ShellQuote(put.before),
                  ShellQuote(put.after), ShellQuote("there is no " + put.after + " on this host"));
  bodies.keep += fmt::format("keep_link {} {}\n", number, path);
  bodies.swap += fmt::format("swap_link {} {}\n", path, ShellQuote(put.after));
  bodies.undo_files = fmt::format("undo_link {} {}\n", number, path) + bodies.undo_files;
  bodies.clean += fmt::format("clean_link {}\n", path);
}

void Add(const SetService& set, size_t, Bodies& bodies) {
  const std::string service = ShellQuote(set.service);
  const std::string program = ShellQuote(set.program);
  bodies.keep +=
      fmt::format("keep_service {} {} {} {} {} {}\n", service, program, facts::ToString(set.init),
                  YesOrNo(set.was_running), Word(set.boot), Word(set.inquiry));
  bodies.change +=
      fmt::format("change_service {} {} {} {}\n", service, program, Word(set.run), Word(set.boot));
  const bool is_to_run = set.run != SetService::Run::kStopped &&
                         (set.was_running || set.run != SetService::Run::kLeft);
  const bool begins = is_to_run && set.run != SetService::Run::kLeft;
  if (begins && set.await == SetService::Await::kServing) {
    bodies.check += fmt::format("ask_served {}\n", Word(set.inquiry));
    bodies.verify_more += fmt::format("verify_serving {} {}\n", service, Word(set.inquiry));
  }
  if (begins && set.await == SetService::Await::kSynchronised)
    bodies.verify_more += fmt::format("verify_synchronised {} {}\n", service, Word(set.inquiry));
  if (is_to_run)
    bodies.verify += fmt::format("verify_service {} {} {}\n", service, program, Word(set.inquiry));
  bodies.undo_services = fmt::format("undo_service {} {} {} {} {}\n", service, program,
                                     Word(set.inquiry), YesOrNo(set.was_running), Word(set.boot)) +
                         bodies.undo_services;
}

void Add(const SetFirewall& set, size_t, Bodies& bodies) {
  for (const std::string& command : set.commands)
    bodies.change += fmt::format("change_firewall {}\n", command);
  for (const std::string& command : set.undo) {
    bodies.keep += fmt::format("keep_firewall {}\n", ShellQuote(command));
    bodies.undo_firewall += fmt::format("undo_firewall {}\n", command);
  }
}

void Add(const SetClock& set, size_t, Bodies& bodies) {
  bodies.change +=
      fmt::format("set_clock {} {} {} {}", facts::ToString(set.daemon), ShellQuote(set.program),
                  ShellQuote(set.service), ShellQuote(set.process));
  for (const std::string& server : set.servers) bodies.change += " " + ShellQuote(server);
  bodies.change += "\n";
}

void Add(const InstallPackage& install, size_t, Bodies& bodies) {
  const std::string words = ShellQuote(install.manager) + " " + ShellQuote(install.package);
  if (install.away) {
    bodies.change += fmt::format("remove_package {}\n", words);
    return;
  }
  bodies.change += fmt::format("install_package {}\n", words);
  bodies.undo_packages = fmt::format("undo_package {}\n", words) + bodies.undo_packages;
}

std::string Function(std::string_view name, std::string_view body) {
  return fmt::format("{}() {{\n{}:\n}}\n", name, body);
}

std::string Settings(const ApplyOptions& options, facts::Init init, bool confirm) {
  return fmt::format("STATE={}\nRUN={}\nINIT={}\nKEEP={}\nPATIENCE={}\nSERVING={}\nCONFIRM={}\n",
                     ShellQuote(options.state_folder), ShellQuote(options.run_id),
                     facts::ToString(init), options.keep_backups, options.patience_s,
                     options.serving_patience_s, confirm ? options.confirm_s : 0);
}

facts::Init InitOf(const HostPlan& plan) {
  for (const PlannedChange& planned : plan.changes)
    if (const auto* set = std::get_if<SetService>(&planned.change)) return set->init;
  return facts::Init::kUnknown;
}

}  // namespace

std::string ToApplyScript(const HostPlan& plan, const ApplyOptions& options) {
  Bodies bodies;
  size_t number = 0;
  for (const PlannedChange& planned : plan.changes) {
    ++number;
    std::visit([&](const auto& change) { Add(change, number, bodies); }, planned.change);
  }
  const std::string settings = Settings(options, InitOf(plan), WantsConfirmation(plan));
  const std::string clean = Function("clean_files", bodies.clean);
  const std::string undo = fmt::format(
      "{}{}{}{}{}{}{}main \"$@\"\n", settings, TransactionText(), ServicesText(), UndoText(),
      Function("undo_packages", bodies.undo_firewall + bodies.undo_packages) +
          Function("undo_files", bodies.undo_files),
      Function("undo_services", bodies.undo_services), clean);
  std::string script = fmt::format("{}CHANGES={}\n{}{}{}", settings, YesOrNo(!plan.empty()),
                                   TransactionText(), ServicesText(), ApplyText());
  script += Function("check_files", bodies.check) + Function("keep_files", bodies.keep) +
            Function("stage_files", bodies.stage) + Function("validate_files", bodies.validate) +
            Function("swap_files", bodies.swap) + Function("change_services", bodies.change) +
            Function("verify_services", bodies.verify + bodies.verify_more) + clean +
            bodies.contents + fmt::format("undo_script() {{\n{}}}\n", Printing(undo));
  // Its commands must not read what is left of the script.
  return script + "main </dev/null\n";
}

bool WantsConfirmation(const HostPlan& plan) {
  return std::any_of(plan.changes.begin(), plan.changes.end(), [](const PlannedChange& planned) {
    return std::holds_alternative<SetFirewall>(planned.change);
  });
}

std::string ConfirmCommand(const ApplyOptions& options) {
  return fmt::format("sh {} confirm",
                     ShellQuote(options.state_folder + "/backup/" + options.run_id + "/undo"));
}

std::string JournalQuestion(const std::string& state_folder) {
  const std::string folder = ShellQuote(state_folder);
  return fmt::format("if [ -L {0}/journal ] || [ -L {0}/committed ]; then echo '{1}'; fi\n", folder,
                     kOpenJournal);
}

bool HasOpenJournal(std::string_view probe_output) {
  // Before the probe's own output, where nothing that a host's files hold can stand.
  const std::string_view head = probe_output.substr(0, probe_output.find("fleetsync-probe"));
  return head.find(kOpenJournal) != std::string_view::npos;
}

}  // namespace fleetsync::plan
