#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/options.h"
#include "controller/ui/table.h"
#include "db/backup.h"
#include "db/check.h"
#include "db/writer.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

using Json = nlohmann::ordered_json;

int Fail(const Status& status) {
  PrintError(Message(status));
  return kHostFailed;
}

std::string Megabytes(int64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

std::string CheckText(const std::string& path, const db::CheckReport& report) {
  std::string text;
  for (const std::string& problem : report.problems) text += fmt::format("{}\n", problem);
  if (!report.problems.empty())
    return text + fmt::format(
                      "\n{0} is damaged. It was left as it is. Stop 'fleetsync serve', keep a copy "
                      "of {0} and {0}-wal,\nthen put the newest backup in its place; without one, "
                      "'sqlite3 {0} .recover | sqlite3 NEW' saves what can\nbe read. Agents send "
                      "again what they still keep.\n",
                      path);
  static const std::vector<ui::Column> kColumns = {{"TABLE"}, {"ROWS", ui::Align::kRight}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& [table, count] : report.rows) rows.push_back({table, fmt::format("{}", count)});
  return fmt::format("{}: sound, schema {}, {}, {} of them free, log {}\n\n{}", path, report.schema,
                     Megabytes(report.bytes), Megabytes(report.free_bytes),
                     Megabytes(report.log_bytes), ui::FormatTable(kColumns, rows));
}

std::string CheckJson(const std::string& path, const db::CheckReport& report) {
  Json rows = Json::object();
  for (const auto& [table, count] : report.rows) rows[table] = count;
  return Json{{"database", path},
              {"sound", report.problems.empty()},
              {"problems", report.problems},
              {"schema", report.schema},
              {"bytes", report.bytes},
              {"free_bytes", report.free_bytes},
              {"log_bytes", report.log_bytes},
              {"rows", std::move(rows)}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

int RunCheck(const Context& context) {
  const std::string path = DbPath(context.options);
  const StatusOr<db::CheckReport> report = db::CheckDatabase(path);
  if (!report.ok()) return Fail(report.status());
  const std::string text = context.json() ? CheckJson(path, *report) : CheckText(path, *report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return report->problems.empty() ? kAllWell : kHostFailed;
}

int RunBackup(const Context& context, const std::string& to) {
  const std::string path = DbPath(context.options);
  if (const Status copied = db::BackUp(path, to); !copied.ok()) return Fail(copied);
  std::error_code error;
  const auto bytes = std::filesystem::file_size(to, error);
  fmt::print("{} is a sound copy of {} ({})\n", to, path,
             Megabytes(error ? 0 : static_cast<int64_t>(bytes)));
  return kAllWell;
}

int RunVacuum(const Context& context) {
  const std::string path = DbPath(context.options);
  std::error_code error;
  const auto before = std::filesystem::file_size(path, error);
  // A writer would make a file that is missing.
  if (error) return Fail(ErrnoStatus(error.value(), "looking at database " + path));
  const auto writer = db::Writer::Open(path);
  if (!writer.ok()) return Fail(writer.status());
  if (const Status done = (*writer)->Vacuum(); !done.ok()) return Fail(done);
  const auto after = std::filesystem::file_size(path, error);
  fmt::print("{}: {} before, {} now\n", path, Megabytes(static_cast<int64_t>(before)),
             Megabytes(error ? 0 : static_cast<int64_t>(after)));
  return kAllWell;
}

}  // namespace

void AddDb(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "db",
      "The database of 'fleetsync serve' (--db): is it sound, copy it, shrink "
      "it.\n\n"
      "  fleetsync db check                       exit code 1 when it is damaged\n"
      "  fleetsync db backup /backup/fleet.db     also while serve runs\n"
      "  fleetsync db vacuum                      while serve does not run");
  command->require_subcommand(1);
  command
      ->add_subcommand(
          "check", "Reads all of the database and says what is wrong with it, or what is in it.")
      ->callback([&action] { action = RunCheck; });
  CLI::App* backup = command->add_subcommand(
      "backup", "Copies the database as it is now to a new file that only its owner may read.");
  auto to = std::make_shared<std::string>();
  backup->add_option("FILE", *to, "The copy; must not exist")->required();
  backup->callback(
      [&action, to] { action = [to](const Context& context) { return RunBackup(context, *to); }; });
  command
      ->add_subcommand("vacuum",
                       "Gives the room of what was pruned back to the file system. Needs as much "
                       "room again while it works.")
      ->callback([&action] { action = RunVacuum; });
}

}  // namespace fleetsync::cli
