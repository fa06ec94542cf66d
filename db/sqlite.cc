#include "db/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

#include "fmt/format.h"

namespace fleetsync::db {
namespace {

// Long enough for another connection's checkpoint, short enough that a person does not wonder.
constexpr int kBusyTimeoutMs = 5000;

Status Damaged(const std::string& path, std::string_view message) {
  return absl::DataLossError(fmt::format(
      "{}: the database is damaged or is none ({}); it was left as it is: keep a copy, then try "
      "'sqlite3 {} .recover | sqlite3 NEW', or move it away to start an empty one",
      path, message, path));
}

// SQLite tells ENOSPC apart (SQLITE_FULL), but not a quota or a file size limit, and keeps no errno
// of a failed commit.
Status IoError(int code, const std::string& path, std::string_view message) {
  if (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE)
    return absl::ResourceExhaustedError(fmt::format(
        "{}: a write failed ({}); its file system is full, over quota or faulty: look at "
        "df and the kernel's log",
        path, message));
  return absl::UnavailableError(fmt::format(
      "{}: {} (SQLite {}); look at the kernel's log for disk errors", path, message, code));
}

Status StatusOf(int code, int system_error, const std::string& path, std::string_view message) {
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return absl::OkStatus();
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(
          fmt::format("{}: no room to write ({}); free space on its file system", path, message));
    case SQLITE_IOERR:
      return IoError(code, path, message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(
          fmt::format("{}: locked by another program that writes it ({})", path, message));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Damaged(path, message);
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return absl::PermissionDeniedError(
          fmt::format("{}: may not be written ({}); look at the owner and mode of the file and its "
                      "folder",
                      path, message));
    case SQLITE_CANTOPEN:
      return ErrnoStatus(system_error != 0 ? system_error : EACCES, "opening database " + path);
    case SQLITE_NOMEM:
      return absl::ResourceExhaustedError(fmt::format("{}: out of memory", path));
    default:
      return absl::InternalError(fmt::format("{}: {} (SQLite {})", path, message, code));
  }
}

Status LastError(sqlite3* handle, const std::string& path) {
  return StatusOf(sqlite3_extended_errcode(handle), sqlite3_system_errno(handle), path,
                  sqlite3_errmsg(handle));
}

}  // namespace

void Connection::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

StatusOr<Connection> Connection::Open(const std::string& path, Mode mode) {
  const int access = mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle,
                                   access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (handle == nullptr) return absl::ResourceExhaustedError(path + ": out of memory");
  Connection connection(path, handle);
  if (code != SQLITE_OK) return LastError(handle, path);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return connection;
}

Status Connection::Execute(const std::string& sql) {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK)
    return absl::OkStatus();
  return LastError(handle_.get(), path_);
}

StatusOr<Statement> Connection::Prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    return LastError(handle_.get(), path_);
  return Statement(path_, statement);
}

StatusOr<int64_t> Connection::Integer(std::string_view sql) {
  FS_ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  FS_ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Integer(0) : 0;
}

int64_t Connection::changes() const { return sqlite3_changes64(handle_.get()); }

Status Connection::CopyTo(Connection& to) {
  sqlite3_backup* copy = sqlite3_backup_init(to.handle_.get(), "main", handle_.get(), "main");
  if (copy == nullptr) return LastError(to.handle_.get(), to.path_);
  // All pages in one step: a copy in parts begins again whenever somebody writes between them.
  const int code = sqlite3_backup_step(copy, -1);
  const int finished = sqlite3_backup_finish(copy);
  if (code == SQLITE_DONE && finished == SQLITE_OK) return absl::OkStatus();
  if (finished == SQLITE_OK) return StatusOf(code, 0, path_, sqlite3_errstr(code));
  return LastError(to.handle_.get(), to.path_);
}

void Statement::Finalize::operator()(sqlite3_stmt* handle) const { sqlite3_finalize(handle); }

Statement& Statement::Bind(int parameter, int64_t value) {
  const int code = sqlite3_bind_int64(handle_.get(), parameter, value);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::Bind(int parameter, std::string_view text) {
  // A null pointer would be SQL's NULL; an empty view may have one.
  const int code = sqlite3_bind_text64(handle_.get(), parameter, text.empty() ? "" : text.data(),
                                       text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::BindReal(int parameter, double value) {
  const int code = sqlite3_bind_double(handle_.get(), parameter, value);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

Statement& Statement::BindBlob(int parameter, std::string_view bytes) {
  const int code = sqlite3_bind_blob64(handle_.get(), parameter, bytes.empty() ? "" : bytes.data(),
                                       bytes.size(), SQLITE_TRANSIENT);
  if (code != SQLITE_OK) bind_error_ = code;
  return *this;
}

StatusOr<bool> Statement::Step() {
  sqlite3* database = sqlite3_db_handle(handle_.get());
  if (const int code = std::exchange(bind_error_, SQLITE_OK); code != SQLITE_OK)
    return StatusOf(code, 0, path_, sqlite3_errstr(code));
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  Status status = code == SQLITE_DONE ? absl::OkStatus() : LastError(database, path_);
  sqlite3_reset(handle_.get());
  FS_RETURN_IF_ERROR(status);
  return false;
}

Status Statement::Run() { return Step().status(); }

void Statement::Reset() { sqlite3_reset(handle_.get()); }

int64_t Statement::Integer(int column) const { return sqlite3_column_int64(handle_.get(), column); }

double Statement::Real(int column) const { return sqlite3_column_double(handle_.get(), column); }

std::string_view Statement::Blob(int column) const {
  const void* bytes = sqlite3_column_blob(handle_.get(), column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes),
          static_cast<size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

std::string Statement::Text(int column) const {
  const unsigned char* text = sqlite3_column_text(handle_.get(), column);
  if (text == nullptr) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

StatusOr<Transaction> Transaction::Begin(Connection& connection) {
  FS_RETURN_IF_ERROR(connection.Execute("BEGIN IMMEDIATE"));
  return Transaction(connection);
}

StatusOr<Transaction> Transaction::BeginRead(Connection& connection) {
  FS_RETURN_IF_ERROR(connection.Execute("BEGIN"));
  return Transaction(connection);
}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back itself; then this says so, and that is all right.
  if (connection_ != nullptr) connection_->Execute("ROLLBACK").IgnoreError();
}

Status Transaction::Commit() {
  FS_RETURN_IF_ERROR(connection_->Execute("COMMIT"));
  connection_ = nullptr;
  return absl::OkStatus();
}

}  // namespace fleetsync::db
