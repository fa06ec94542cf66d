#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "base/clock_read.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time_text.h"
#include "controller/ca/authority.h"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/options.h"
#include "controller/ui/table.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "proto/tls/certificate.h"

namespace fleetsync::cli {
namespace {

using Json = nlohmann::ordered_json;
using ca::Authority;
using ca::Issued;

struct CaFlags {
  std::string what;  // what `revoke` was given
  std::string operator_name;
  std::string out;
  Duration life = ca::AuthorityOptions().operator_life;
  bool all = false;
};

void Write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

int Failed(const Status& status) {
  PrintError(Message(status));
  const bool usage = absl::IsInvalidArgument(status) || absl::IsNotFound(status) ||
                     absl::IsFailedPrecondition(status);
  return usage ? kUsage : kHostFailed;
}

std::string StateOf(const Issued& issued, SystemTime now) {
  if (issued.revoked) return "revoked " + FormatTime(*issued.revoked);
  return issued.expires < now ? "expired" : "valid";
}

std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json ToJson(const Issued& issued, SystemTime now) {
  return {{"serial", issued.serial},
          {"role", std::string(tls::ToString(issued.holder.role))},
          {"name", issued.holder.name},
          {"issued", FormatTime(issued.issued)},
          {"expires", FormatTime(issued.expires)},
          {"revoked", issued.revoked ? Json(FormatTime(*issued.revoked)) : Json(nullptr)},
          {"valid", !issued.revoked && issued.expires >= now}};
}

std::string Table(const std::vector<Issued>& all, SystemTime now) {
  static const std::vector<ui::Column> kColumns = {{"ROLE"},    {"NAME"},  {"ISSUED"},
                                                   {"EXPIRES"}, {"STATE"}, {"SERIAL"}};
  std::vector<std::vector<std::string>> rows;
  for (const Issued& issued : all)
    rows.push_back({std::string(tls::ToString(issued.holder.role)), Printable(issued.holder.name),
                    FormatTime(issued.issued), FormatTime(issued.expires), StateOf(issued, now),
                    issued.serial});
  return ui::FormatTable(kColumns, rows);
}

int RunInit(const Context& context) {
  const auto authority = Authority::OpenOrCreate(CaFolder(context.options));
  if (!authority.ok()) return Failed(authority.status());
  const auto certificate = tls::ParseCertificate((*authority)->certificate());
  if (!certificate.ok()) return Failed(certificate.status());
  Write(fmt::format("certificate authority {} in {}\n", tls::SerialOf(certificate->get()),
                    (*authority)->folder().path()));
  return kAllWell;
}

int RunShow(const Context& context) {
  const auto authority = Authority::Open(CaFolder(context.options));
  if (!authority.ok()) return Failed(authority.status());
  Write((*authority)->certificate());
  return kAllWell;
}

int RunList(const Context& context, const CaFlags& flags) {
  const auto authority = Authority::Open(CaFolder(context.options));
  if (!authority.ok()) return Failed(authority.status());
  StatusOr<std::vector<Issued>> all = (*authority)->Register();
  if (!all.ok()) return Failed(all.status());
  const SystemTime now = ReadSystemClock();
  if (!flags.all)
    std::erase_if(*all, [&](const Issued& i) { return i.revoked || i.expires < now; });
  if (!context.json()) {
    Write(all->empty() ? "no certificate is valid\n" : Table(*all, now));
    return kAllWell;
  }
  Json list = Json::array();
  for (const Issued& issued : *all) list.push_back(ToJson(issued, now));
  Write(Dump({{"certificates", std::move(list)}}));
  return kAllWell;
}

int RunRevoke(const Context& context, const CaFlags& flags) {
  const auto authority = Authority::Open(CaFolder(context.options));
  if (!authority.ok()) return Failed(authority.status());
  const auto revoked = (*authority)->Revoke(flags.what);
  if (!revoked.ok()) return Failed(revoked.status());
  for (const Issued& issued : *revoked)
    Write(fmt::format("revoked {} of {} '{}'\n", issued.serial, tls::ToString(issued.holder.role),
                      Printable(issued.holder.name)));
  return kAllWell;
}

// The key first: a certificate without it would look finished.
Status WriteIdentity(const std::string& folder, const ca::Identity& identity) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return ErrnoStatus(error.value(), "making " + folder);
  FS_RETURN_IF_ERROR(WriteFileAtomically(folder + "/operator.key", identity.key.Reveal(), 0600));
  FS_RETURN_IF_ERROR(WriteFileAtomically(folder + "/operator.pem", identity.certificate, 0644));
  return WriteFileAtomically(folder + "/ca.pem", identity.authority, 0644);
}

int RunIssue(const Context& context, const CaFlags& flags) {
  ca::AuthorityOptions options;
  options.operator_life = flags.life;
  const auto authority = Authority::OpenOrCreate(CaFolder(context.options), options);
  if (!authority.ok()) return Failed(authority.status());
  const auto identity = (*authority)->IssueOperator(flags.operator_name);
  if (!identity.ok()) return Failed(identity.status());
  if (const Status status = WriteIdentity(flags.out, *identity); !status.ok())
    return Failed(status);
  Write(fmt::format("{0}/operator.key {0}/operator.pem {0}/ca.pem\n", flags.out));
  return kAllWell;
}

void AddRevoke(CLI::App& ca, Action& action, const std::shared_ptr<CaFlags>& flags) {
  CLI::App* command = ca.add_subcommand(
      "revoke",
      "Takes back the certificates of a host or an operator, or one by its serial. A running "
      "'fleetsync serve' refuses them from now on and ends their connections.\n\n"
      "  fleetsync ca revoke web01\n"
      "  fleetsync ca revoke 4f3a0c29d8e14b7fa6151d3e9c07b2a8");
  command->add_option("NAME|SERIAL", flags->what, "Whose certificates, or which one")->required();
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunRevoke(context, *flags); };
  });
}

void AddIssue(CLI::App& ca, Action& action, const std::shared_ptr<CaFlags>& flags) {
  CLI::App* command = ca.add_subcommand(
      "issue",
      "Gives an operator a key and a certificate, for 'fleetsync status' from another machine. "
      "Hosts get theirs with 'fleetsync agent install'.\n\n"
      "  fleetsync ca issue --operator ann --out ./ann");
  command->add_option("--operator", flags->operator_name, "Who it is for")
      ->type_name("NAME")
      ->required();
  command->add_option("--out", flags->out, "Where operator.key, operator.pem and ca.pem go")
      ->type_name("DIR")
      ->required();
  AddDuration(*command, "--valid-for", flags->life, "How long");
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunIssue(context, *flags); };
  });
}

void AddList(CLI::App& ca, Action& action, const std::shared_ptr<CaFlags>& flags) {
  CLI::App* command =
      ca.add_subcommand("list",
                        "The certificates that are valid.\n\n"
                        "  fleetsync ca list\n"
                        "  fleetsync ca list --all          revoked and expired ones too\n"
                        "  fleetsync ca list -o json        for programs");
  command->add_flag("--all", flags->all, "Also what was revoked or has expired");
  command->callback([&action, flags] {
    action = [flags](const Context& context) { return RunList(context, *flags); };
  });
}

}  // namespace

void AddCa(CLI::App& app, Action& action) {
  CLI::App* ca = app.add_subcommand(
      "ca",
      "The fleet's certificate authority: who may report, and who may ask. It is made with the "
      "first certificate, in the folder 'ca' beside the database.\n\n"
      "  fleetsync ca init\n"
      "  fleetsync ca list\n"
      "  fleetsync ca revoke web01\n"
      "  fleetsync ca issue --operator ann --out ./ann");
  ca->require_subcommand(1);
  const auto flags = std::make_shared<CaFlags>();
  CLI::App* init =
      ca->add_subcommand("init", "Makes the authority where there is none, and says where it is.");
  init->callback([&action] { action = RunInit; });
  CLI::App* show =
      ca->add_subcommand("show", "The authority's certificate, which is no secret, as PEM.");
  show->callback([&action] { action = RunShow; });
  AddList(*ca, action, flags);
  AddRevoke(*ca, action, flags);
  AddIssue(*ca, action, flags);
}

}  // namespace fleetsync::cli
