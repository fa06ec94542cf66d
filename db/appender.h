#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "db/placement.h"
#include "db/records.h"
#include "db/sqlite.h"

namespace fleetsync::db {

// A host's agent has connected.
struct Arrival {
  std::string host;
  std::string agent_version;
  SystemTime at;  // the controller's clock
  // Of the numbering of its reports: with another one they are numbered anew. An agent that tells
  // none has the numbering "".
  std::string spool_id{};
};

struct Appended {
  size_t stored = 0;
  size_t duplicates = 0;  // at or before the end of their numbering: there already
  // For each arrival: the highest sequence on disk for its host and spool, this call's reports
  // included; 0: none.
  std::vector<uint64_t> stored_through;
};

struct AppenderStatements;

// Puts arrivals, reports and measurements into the tables, within the caller's transaction. It
// remembers what the database holds, so that a report costs no look-up.
class Appender {
 public:
  // `connection` outlives it.
  static StatusOr<std::unique_ptr<Appender>> Create(Connection& connection);
  ~Appender();

  StatusOr<Appended> Append(std::span<const Arrival> arrivals, std::span<const Report> reports,
                            std::span<const Measurement> measurements);
  // To be called when the transaction has failed, or somebody else has changed the tables.
  void Forget();

 private:
  struct Numbering {
    int64_t numbering_id = 0;
    uint64_t stored_through = 0;
    bool changed = false;  // by this transaction
  };
  // The texts of a context, and its number.
  struct Context {
    int64_t context_id = 0;
    int64_t numbering_id = 0;
    std::string boot_id, daemon, source;
  };
  struct Host {
    int64_t host_id = 0;
    std::map<std::string, Numbering, std::less<>> numberings;  // by spool
    Numbering* current = nullptr;                              // what its newest arrival told
    int64_t newest_report = 0;                                 // 0: none
    Anchor anchor;
    Context context;   // of the newest report
    int sources = -1;  // rows of its newest report; -1: not known
    // What this transaction has stored for it.
    const Report* newest = nullptr;
    SystemTime seen;
    bool changed = false;
  };

  explicit Appender(Connection& connection);
  StatusOr<Host*> FindOrAddHost(std::string_view name, SystemTime seen);
  Status ReadHost(std::string_view name, Host& host);
  StatusOr<Numbering*> FindOrAddNumbering(Host& host, std::string_view spool);
  StatusOr<Numbering*> NumberingOf(Host& host, const Report& report);
  StatusOr<int64_t> TextId(std::string_view text);
  StatusOr<int64_t> ContextOf(Host& host, const Report& report, int64_t numbering_id);
  Status RecordArrival(const Arrival& arrival);
  Status RecordReport(const Report& report, Appended& appended);
  Status Insert(const Report& report, Host& host, int64_t numbering_id);
  Status InsertEvents(const Report& report, int64_t host_id, SystemTime at);
  Status RecordMeasurement(const Measurement& measurement);
  Status RecordNewest(Host& host);
  Status ReplaceSources(const Report& report, Host& host);
  Status RecordChanges();

  Connection& connection_;
  std::unique_ptr<AppenderStatements> statements_;
  std::map<std::string, Host, std::less<>> hosts_;
  std::map<std::string, int64_t, std::less<>> texts_;
  std::vector<Host*> changed_;
  int64_t next_report_ = 0;  // 0: not known
};

}  // namespace fleetsync::db
