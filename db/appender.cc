#include "db/appender.h"

#include <algorithm>
#include <utility>

#include "db/appender_statements.h"
#include "db/report_rows.h"
#include "db/units.h"

namespace fleetsync::db {
namespace {

// Texts are few (boots, daemons, sources); a hostile agent's many must not fill the memory.
constexpr size_t kMaxKnownTexts = 65536;
// An event further from its report than that was told by a clock that has been set since.
constexpr Duration kEventBefore = std::chrono::hours(1);

}  // namespace

StatusOr<std::unique_ptr<Appender>> Appender::Create(Connection& connection) {
  std::unique_ptr<Appender> appender(new Appender(connection));
  FS_ASSIGN_OR_RETURN(appender->statements_, AppenderStatements::Prepare(connection));
  return appender;
}

Appender::Appender(Connection& connection) : connection_(connection) {}

Appender::~Appender() = default;

void Appender::Forget() {
  hosts_.clear();
  texts_.clear();
  changed_.clear();
  next_report_ = 0;
}

StatusOr<Appended> Appender::Append(std::span<const Arrival> arrivals,
                                    std::span<const Report> reports,
                                    std::span<const Measurement> measurements) {
  if (next_report_ == 0) {
    // Numbers of pruned rows are not used again: what is rolled up is known by them.
    FS_ASSIGN_OR_RETURN(
        const int64_t highest,
        connection_.Integer("SELECT max(ifnull((SELECT max(report_id) FROM reports), 0), value)"
                            " FROM progress WHERE what = 'rolled_up_through'"));
    next_report_ = highest + 1;
  }
  Appended appended;
  for (const Arrival& arrival : arrivals) FS_RETURN_IF_ERROR(RecordArrival(arrival));
  for (const Report& report : reports) FS_RETURN_IF_ERROR(RecordReport(report, appended));
  for (const Measurement& measurement : measurements)
    FS_RETURN_IF_ERROR(RecordMeasurement(measurement));
  FS_RETURN_IF_ERROR(RecordChanges());
  for (const Arrival& arrival : arrivals) {
    Host& host = hosts_.find(arrival.host)->second;
    appended.stored_through.push_back(
        host.numberings.find(arrival.spool_id)->second.stored_through);
  }
  return appended;
}

Status Appender::ReadHost(std::string_view name, Host& host) {
  Statement& row = statements_->read_host.Bind(1, name);
  FS_ASSIGN_OR_RETURN(const bool known, row.Step());
  if (!known) return absl::OkStatus();
  host.host_id = row.Integer(0);
  host.newest_report = row.Integer(2);
  host.anchor = {.boot_id = row.Text(5),
                 .monotonic = DurationFromMicroseconds(row.Integer(4)),
                 .at = InstantFromMicroseconds(row.Integer(3))};
  const std::string spool = row.Text(1);
  const bool arrived = row.Integer(6) != 0;
  row.Reset();
  if (!arrived) return absl::OkStatus();
  FS_ASSIGN_OR_RETURN(host.current, FindOrAddNumbering(host, spool));
  return absl::OkStatus();
}

StatusOr<Appender::Host*> Appender::FindOrAddHost(std::string_view name, SystemTime seen) {
  if (const auto it = hosts_.find(name); it != hosts_.end()) return &it->second;
  Host& host = hosts_[std::string(name)];
  FS_RETURN_IF_ERROR(ReadHost(name, host));
  if (host.host_id != 0) return &host;
  Statement& add = statements_->add_host.Bind(1, name).Bind(2, Microseconds(seen));
  FS_RETURN_IF_ERROR(add.Step().status());
  host.host_id = add.Integer(0);
  add.Reset();
  return &host;
}

StatusOr<Appender::Numbering*> Appender::FindOrAddNumbering(Host& host, std::string_view spool) {
  if (const auto it = host.numberings.find(spool); it != host.numberings.end()) return &it->second;
  Numbering numbering;
  Statement& row = statements_->read_numbering.Bind(1, host.host_id).Bind(2, spool);
  FS_ASSIGN_OR_RETURN(const bool known, row.Step());
  if (known) {
    numbering = {row.Integer(0), static_cast<uint64_t>(row.Integer(1))};
    row.Reset();
  } else {
    Statement& add = statements_->add_numbering.Bind(1, host.host_id).Bind(2, spool);
    FS_RETURN_IF_ERROR(add.Step().status());
    numbering.numbering_id = add.Integer(0);
    add.Reset();
  }
  return &host.numberings.emplace(spool, numbering).first->second;
}

Status Appender::RecordArrival(const Arrival& arrival) {
  FS_ASSIGN_OR_RETURN(Host* const host, FindOrAddHost(arrival.host, arrival.at));
  FS_ASSIGN_OR_RETURN(host->current, FindOrAddNumbering(*host, arrival.spool_id));
  return statements_->update_arrival.Bind(1, host->host_id)
      .Bind(2, arrival.agent_version)
      .Bind(3, Microseconds(arrival.at))
      .Bind(4, host->current->numbering_id)
      .Run();
}

StatusOr<Appender::Numbering*> Appender::NumberingOf(Host& host, const Report& report) {
  if (!report.spool_id.empty()) return FindOrAddNumbering(host, report.spool_id);
  if (host.current != nullptr) return host.current;
  FS_ASSIGN_OR_RETURN(host.current, FindOrAddNumbering(host, ""));
  FS_RETURN_IF_ERROR(statements_->update_arrival.Bind(1, host.host_id)
                         .Bind(2, "")
                         .Bind(3, Microseconds(report.received))
                         .Bind(4, host.current->numbering_id)
                         .Run());
  return host.current;
}

Status Appender::RecordReport(const Report& report, Appended& appended) {
  FS_RETURN_IF_ERROR(CheckReport(report));
  FS_ASSIGN_OR_RETURN(Host* const host, FindOrAddHost(report.host, report.received));
  FS_ASSIGN_OR_RETURN(Numbering* const numbering, NumberingOf(*host, report));
  if (!std::exchange(host->changed, true)) {
    host->newest = nullptr;
    host->seen = report.received;
    changed_.push_back(host);
  }
  host->seen = std::max(host->seen, report.received);
  // Agents send in order, so what is not beyond the end has been stored, also when it is pruned by
  // now.
  if (report.sequence <= numbering->stored_through) {
    ++appended.duplicates;
    return absl::OkStatus();
  }
  FS_RETURN_IF_ERROR(Insert(report, *host, numbering->numbering_id));
  ++appended.stored;
  numbering->stored_through = report.sequence;
  numbering->changed = true;
  host->newest = &report;
  return absl::OkStatus();
}

Status Appender::Insert(const Report& report, Host& host, int64_t numbering_id) {
  FS_ASSIGN_OR_RETURN(const int64_t context_id, ContextOf(host, report, numbering_id));
  const Duration late = Lateness(report, host.anchor);
  const int64_t report_id = next_report_++;
  const int64_t back = host.newest_report == 0 ? 0 : report_id - host.newest_report;
  Statement& add = statements_->add_report.Bind(1, report_id).Bind(2, back);
  BindReport(add, report, context_id, late);
  FS_RETURN_IF_ERROR(add.Run());
  host.newest_report = report_id;
  if (host.anchor.boot_id != report.boot_id) host.anchor.boot_id = report.boot_id;
  host.anchor.monotonic = report.monotonic;
  host.anchor.at = report.received - late;
  return report.events.empty() ? absl::OkStatus()
                               : InsertEvents(report, host.host_id, host.anchor.at);
}

// An event is as far from its report as the host's clock says, when that can be.
Status Appender::InsertEvents(const Report& report, int64_t host_id, SystemTime at) {
  for (const Event& event : report.events) {
    // In microseconds: a hostile clock's difference would not fit into nanoseconds.
    const int64_t before = Microseconds(report.host_time) - Microseconds(event.host_time);
    const bool near = before >= 0 && before <= Microseconds(kEventBefore);
    FS_RETURN_IF_ERROR(statements_->add_event.Bind(1, host_id)
                           .Bind(2, static_cast<int64_t>(report.sequence))
                           .Bind(3, int64_t{event.kind})
                           .Bind(4, Microseconds(at) - (near ? before : 0))
                           .Bind(5, Microseconds(event.host_time))
                           .Bind(6, Microseconds(report.received))
                           .Bind(7, event.amount.count())
                           .Bind(8, event.text)
                           .Run());
  }
  return absl::OkStatus();
}

StatusOr<int64_t> Appender::TextId(std::string_view text) {
  if (const auto it = texts_.find(text); it != texts_.end()) return it->second;
  if (texts_.size() >= kMaxKnownTexts) texts_.clear();
  Statement& find = statements_->find_text.Bind(1, text);
  FS_ASSIGN_OR_RETURN(const bool known, find.Step());
  Statement& row = known ? find : statements_->add_text.Bind(1, text);
  if (!known) FS_RETURN_IF_ERROR(row.Step().status());
  const int64_t id = row.Integer(0);
  row.Reset();
  texts_.emplace(text, id);
  return id;
}

StatusOr<int64_t> Appender::ContextOf(Host& host, const Report& report, int64_t numbering_id) {
  const Source* selected = Selected(report);
  const std::string_view source = selected == nullptr ? std::string_view() : selected->name;
  Context& known = host.context;
  if (known.context_id != 0 && known.numbering_id == numbering_id &&
      known.boot_id == report.boot_id && known.daemon == report.daemon && known.source == source)
    return known.context_id;
  FS_ASSIGN_OR_RETURN(const int64_t boot_id, TextId(report.boot_id));
  FS_ASSIGN_OR_RETURN(const int64_t daemon_id, TextId(report.daemon));
  FS_ASSIGN_OR_RETURN(const int64_t source_id, TextId(source));
  const auto bind = [&](Statement& statement) -> Statement& {
    return statement.Bind(1, numbering_id).Bind(2, boot_id).Bind(3, daemon_id).Bind(4, source_id);
  };
  Statement& find = bind(statements_->find_context);
  FS_ASSIGN_OR_RETURN(const bool found, find.Step());
  Statement& row = found ? find : bind(statements_->add_context);
  if (!found) FS_RETURN_IF_ERROR(row.Step().status());
  known = {row.Integer(0), numbering_id, report.boot_id, report.daemon, std::string(source)};
  row.Reset();
  return known.context_id;
}

Status Appender::RecordMeasurement(const Measurement& measurement) {
  FS_ASSIGN_OR_RETURN(const Host* host, FindOrAddHost(measurement.host, measurement.at));
  return statements_->replace_measurement.Bind(1, host->host_id)
      .Bind(2, Microseconds(measurement.at))
      .Bind(3, measurement.offset.count())
      .Bind(4, measurement.error_bound.count())
      .Run();
}

Status Appender::RecordChanges() {
  for (Host* host : changed_) {
    host->changed = false;
    FS_RETURN_IF_ERROR(host->newest != nullptr ? RecordNewest(*host)
                                               : statements_->seen_host.Bind(1, host->host_id)
                                                     .Bind(2, Microseconds(host->seen))
                                                     .Run());
  }
  changed_.clear();
  return absl::OkStatus();
}

Status Appender::RecordNewest(Host& host) {
  for (auto& [spool, numbering] : host.numberings) {
    if (!std::exchange(numbering.changed, false)) continue;
    FS_RETURN_IF_ERROR(statements_->advance_numbering.Bind(1, numbering.numbering_id)
                           .Bind(2, static_cast<int64_t>(numbering.stored_through))
                           .Run());
  }
  const Report& newest = *std::exchange(host.newest, nullptr);
  Statement& latest = statements_->replace_latest.Bind(1, host.host_id).Bind(2, host.newest_report);
  BindReport(latest, newest, host.context.context_id, newest.received - host.anchor.at);
  FS_RETURN_IF_ERROR(latest.Run());
  return ReplaceSources(newest, host);
}

Status Appender::ReplaceSources(const Report& report, Host& host) {
  const auto count = static_cast<int>(report.sources.size());
  if (host.sources < 0 || host.sources > count) {
    FS_RETURN_IF_ERROR(
        statements_->delete_sources.Bind(1, host.host_id).Bind(2, int64_t{count}).Run());
  }
  host.sources = count;
  int64_t position = 0;
  for (const Source& source : report.sources) {
    FS_RETURN_IF_ERROR(statements_->replace_source.Bind(1, host.host_id)
                           .Bind(2, position++)
                           .Bind(3, static_cast<int64_t>(report.sequence))
                           .Bind(4, source.name)
                           .Bind(5, source.address)
                           .Bind(6, int64_t{source.state})
                           .Bind(7, int64_t{source.stratum})
                           .Bind(8, int64_t{source.reach})
                           .Bind(9, int64_t{source.poll})
                           .Bind(10, source.offset.count())
                           .Bind(11, source.delay.count())
                           .Bind(12, source.jitter.count())
                           .Bind(13, Microseconds(source.last_sample_age))
                           .Bind(14, source.reference_id)
                           .Run());
  }
  return absl::OkStatus();
}

}  // namespace fleetsync::db
