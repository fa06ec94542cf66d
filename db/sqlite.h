#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

struct sqlite3;
struct sqlite3_stmt;

namespace fleetsync::db {

class Statement;

// One SQLite connection. SQLite's result codes become Status here alone:
//   ResourceExhausted   the disk is full (or the file may grow no more)
//   Unavailable         locked by another program, or an I/O error
//   DataLoss            the file is damaged, or no database at all
//   PermissionDenied, NotFound
// Used by one thread at a time.
class Connection {
 public:
  enum class Mode : uint8_t { kReadOnly, kReadWrite };

  // The file must exist for both; an empty one is a new database.
  static StatusOr<Connection> Open(const std::string& path, Mode mode);

  // Runs all the statements in `sql`.
  Status Execute(const std::string& sql);
  StatusOr<Statement> Prepare(std::string_view sql);
  // The one number that `sql` gives.
  StatusOr<int64_t> Integer(std::string_view sql);
  // Rows that the last INSERT, UPDATE or DELETE changed.
  int64_t changes() const;
  const std::string& path() const { return path_; }
  // Copies the whole database, as it is at one moment, over that of `to`. Other connections go on
  // writing meanwhile.
  Status CopyTo(Connection& to);

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  Connection(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}

  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

// A prepared statement; must not outlive its connection. Parameters and columns count from 1 and
// from 0, as SQLite's do. A failure to bind is told by the next Step.
class Statement {
 public:
  Statement& Bind(int parameter, int64_t value);
  Statement& Bind(int parameter, std::string_view text);
  Statement& BindReal(int parameter, double value);
  Statement& BindBlob(int parameter, std::string_view bytes);

  // True: a row is there. False: done, and the statement is ready to be bound and run again.
  StatusOr<bool> Step();
  // For statements that give no rows.
  Status Run();
  void Reset();

  int64_t Integer(int column) const;
  double Real(int column) const;
  std::string Text(int column) const;
  // Valid until the next Step or Reset.
  std::string_view Blob(int column) const;

 private:
  friend class Connection;
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const;
  };
  Statement(std::string path, sqlite3_stmt* handle) : path_(std::move(path)), handle_(handle) {}

  std::string path_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
  int bind_error_ = 0;
};

// Rolled back unless committed.
class Transaction {
 public:
  // Takes the writer's place at once, so that no later statement has to wait for it.
  static StatusOr<Transaction> Begin(Connection& connection);
  // One snapshot for all that is read in it.
  static StatusOr<Transaction> BeginRead(Connection& connection);
  Transaction(Transaction&& other) noexcept
      : connection_(std::exchange(other.connection_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Status Commit();

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}

  Connection* connection_;
};

}  // namespace fleetsync::db
