// The floor for scripts/bench serve: inserts the reports of one database into another one of the
// same schema with SQLite alone, in transactions of BATCH rows, each on disk. Prints one line of
// JSON.
//
//   bare_sqlite FROM TO BATCH [COLUMNS]
//
// With COLUMNS the new table has an index over these.
#include <sqlite3.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

namespace {

double Seconds() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

void Check(bool fine, sqlite3* db) {
  if (fine) return;
  std::fprintf(stderr, "bare_sqlite: %s\n", sqlite3_errmsg(db));
  std::exit(1);
}

void Execute(sqlite3* db, const std::string& sql) {
  Check(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, db);
}

sqlite3_stmt* Prepare(sqlite3* db, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  Check(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK, db);
  return statement;
}

// The table `reports` and its indexes alone.
void CopySchema(sqlite3* from, sqlite3* to) {
  sqlite3_stmt* schema =
      Prepare(from,
              "SELECT sql FROM sqlite_master WHERE tbl_name = 'reports' AND sql IS NOT NULL "
              "AND type IN ('table', 'index') ORDER BY type DESC");
  while (sqlite3_step(schema) == SQLITE_ROW)
    Execute(to, reinterpret_cast<const char*>(sqlite3_column_text(schema, 0)));
  sqlite3_finalize(schema);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return 2;
  const int64_t batch = std::atoll(argv[3]);
  sqlite3 *from = nullptr, *to = nullptr;
  Check(sqlite3_open_v2(argv[1], &from, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK, from);
  Check(sqlite3_open(argv[2], &to) == SQLITE_OK, to);
  Execute(to, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  CopySchema(from, to);
  if (argc == 5) Execute(to, std::string("CREATE INDEX asked ON reports (") + argv[4] + ")");

  // In the order of arrival, which is not that of the key.
  sqlite3_stmt* read = Prepare(from, "SELECT * FROM reports ORDER BY received_us");
  const int columns = sqlite3_column_count(read);
  std::vector<int64_t> values;
  while (sqlite3_step(read) == SQLITE_ROW)
    for (int i = 0; i < columns; ++i) values.push_back(sqlite3_column_int64(read, i));
  sqlite3_finalize(read);

  std::string marks = "?";
  for (int i = 1; i < columns; ++i) marks += ", ?";
  sqlite3_stmt* insert = Prepare(to, "INSERT INTO reports VALUES (" + marks + ")");
  const auto rows = static_cast<int64_t>(values.size()) / columns;
  const double begin = Seconds();
  for (int64_t row = 0; row < rows; ++row) {
    if (row % batch == 0) Execute(to, row == 0 ? "BEGIN" : "COMMIT; BEGIN");
    for (int i = 0; i < columns; ++i)
      sqlite3_bind_int64(insert, i + 1, values[static_cast<size_t>(row * columns + i)]);
    Check(sqlite3_step(insert) == SQLITE_DONE, to);
    sqlite3_reset(insert);
  }
  if (rows > 0) Execute(to, "COMMIT");
  std::printf("{\"rows\": %lld, \"seconds\": %.3f}\n", static_cast<long long>(rows),
              Seconds() - begin);
  sqlite3_finalize(insert);
  sqlite3_close(to);
  sqlite3_close(from);
  return 0;
}
