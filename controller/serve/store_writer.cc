#include "controller/serve/store_writer.h"

#include <iterator>
#include <utility>

#include "base/overloaded.h"

namespace fleetsync::serve {
namespace {

constexpr size_t kFullBatch = 512;  // reports
constexpr size_t kMaxMeasurements = 4096;

template <class T>
void MoveAppend(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

bool MayPass(const Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
}

}  // namespace

void StoreWriter::Batch::Append(Batch&& other) {
  MoveAppend(arrivals, std::move(other.arrivals));
  MoveAppend(on_arrival, std::move(other.on_arrival));
  MoveAppend(reports, std::move(other.reports));
  MoveAppend(on_report, std::move(other.on_report));
  if (measurements.size() < kMaxMeasurements)
    MoveAppend(measurements, std::move(other.measurements));
}

StoreWriter::StoreWriter(db::Writer& writer, StoreWriterEvents events, StoreWriterPace pace)
    : writer_(writer), events_(std::move(events)), pace_(pace), thread_([this] { Work(); }) {}

void StoreWriter::Batch::Add(Storable storable, OnStored on_stored) {
  std::visit(Overloaded{[&](db::Arrival&& arrival) {
                          arrivals.push_back(std::move(arrival));
                          on_arrival.push_back(std::move(on_stored));
                        },
                        [&](Reports&& together) {
                          on_report.push_back({std::move(on_stored), together.back().sequence});
                          MoveAppend(reports, std::move(together));
                        },
                        [&](db::Measurement&& measurement) {
                          if (measurements.size() < kMaxMeasurements)
                            measurements.push_back(std::move(measurement));
                        }},
             std::move(storable));
}

void StoreWriter::Add(Storable storable, OnStored on_stored) {
  bool wake = false;
  {
    const MutexLock lock(mutex_);
    const bool first = queue_.empty();
    queue_.Add(std::move(storable), std::move(on_stored));
    wake = first || Urgent();
  }
  if (wake) wake_.notify_one();
}

// What is queued is not to wait for more.
bool StoreWriter::Urgent() const {
  return stopping_ || !jobs_.empty() || !queue_.arrivals.empty() ||
         queue_.reports.size() >= kFullBatch;
}

void StoreWriter::Stop() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void StoreWriter::Run(StoreJob job, OnJobDone done) {
  {
    const MutexLock lock(mutex_);
    if (!ended_) {
      jobs_.push_back({std::move(job), std::move(done)});
      done = nullptr;
    }
  }
  wake_.notify_one();
  if (done) done(absl::CancelledError("the store is closed"));
}

// Adds what has been queued to `batch` and `jobs`. False: stop after it.
bool StoreWriter::WaitForWork(Batch& batch, std::vector<Job>& jobs) {
  const MutexLock lock(mutex_);
  while (queue_.empty() && batch.empty() && jobs_.empty() && !stopping_) wake_.wait(mutex_);
  wake_.wait_for(mutex_, pace_.gather, [this]() FS_REQUIRES(mutex_) { return Urgent(); });
  batch.Append(std::exchange(queue_, {}));
  jobs = std::exchange(jobs_, {});
  return !stopping_;
}

// False: stop without another try.
bool StoreWriter::WaitBeforeRetry() {
  const MutexLock lock(mutex_);
  if (!stopping_) wake_.wait_for(mutex_, pace_.retry);
  return !stopping_;
}

void StoreWriter::Work() {
  Batch batch;
  std::vector<Job> jobs;
  for (bool more = true; more;) {
    more = WaitForWork(batch, jobs);
    const bool stored = batch.empty() || Store(batch);
    for (const Job& job : jobs) job.done(job.run(writer_));
    if (!stored) break;
    if (paused_ && more) more = WaitBeforeRetry();
  }
  CancelJobs();
}

void StoreWriter::CancelJobs() {
  std::vector<Job> jobs;
  {
    const MutexLock lock(mutex_);
    ended_ = true;
    jobs = std::exchange(jobs_, {});
  }
  for (const Job& job : jobs) job.done(absl::CancelledError("the store is closed"));
}

// Empties the batch when it is on disk, keeps it when it may be tried again. False: never again.
bool StoreWriter::Store(Batch& batch) {
  const StatusOr<db::Appended> appended =
      writer_.Append(batch.arrivals, batch.reports, batch.measurements);
  if (!appended.ok()) {
    if (!MayPass(appended.status())) {
      events_.on_failed(appended.status());
      return false;
    }
    if (!std::exchange(paused_, true)) events_.on_paused(appended.status());
    return true;
  }
  if (std::exchange(paused_, false)) events_.on_resumed();
  for (size_t i = 0; i < batch.arrivals.size(); ++i)
    batch.on_arrival[i](appended->stored_through[i]);
  for (const Waiting& waiting : batch.on_report) waiting.on_stored(waiting.through);
  batch = {};
  return true;
}

}  // namespace fleetsync::serve
