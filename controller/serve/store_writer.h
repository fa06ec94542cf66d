#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "base/time.h"
#include "controller/serve/ingest.h"
#include "db/writer.h"

namespace fleetsync::serve {

// Called on the writer's thread after the commit. `through`: for reports the last one's sequence,
// for an arrival the highest sequence on disk for its host.
using OnStored = std::function<void(uint64_t through)>;

// Other work on the store, between two batches: a transaction of its own.
using StoreJob = std::function<Status(db::Writer&)>;
using OnJobDone = std::function<void(const Status&)>;

struct StoreWriterEvents {
  // The store cannot be written now (disk full, locked); it is tried again until it can.
  std::function<void(const Status&)> on_paused;
  std::function<void()> on_resumed;
  // The store cannot be written at all (damaged): nothing is stored from here on.
  std::function<void(const Status&)> on_failed;
};

// How StoreWriter waits.
struct StoreWriterPace {
  // After the first report, for more to go into the same transaction: reaching the disk costs more
  // than ten rows do. Arrivals and jobs are not kept waiting, nor a full batch.
  Duration gather = std::chrono::milliseconds(50);
  Duration retry = std::chrono::seconds(2);
};

// The one thread that writes the store: takes all that is queued as one transaction, and tells each
// that it is on disk. What is never told was not stored. The queue is bounded by those who add:
// each stream has a window of entries that are not told yet. Events and OnStored are called on the
// thread of the writer, without a lock.
class StoreWriter {
 public:
  StoreWriter(db::Writer& writer, StoreWriterEvents events, StoreWriterPace pace = {});
  ~StoreWriter() { Stop(); }
  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  // Any thread. `on_stored` is not called for a measurement: while the store cannot be written, all
  // but the first of them are forgotten.
  void Add(Storable storable, OnStored on_stored);
  // Any thread. `done` is called once, on the writer's thread, with what the job has returned;
  // Cancelled: the writer has stopped. A job must be short, as reports wait for it.
  void Run(StoreJob job, OnJobDone done);
  // Writes what is queued, once, and ends the thread. Nothing may be added after it.
  void Stop();

 private:
  // For reports that came together.
  struct Waiting {
    OnStored on_stored;
    uint64_t through = 0;
  };

  struct Batch {
    std::vector<db::Arrival> arrivals;
    std::vector<OnStored> on_arrival;
    std::vector<db::Report> reports;
    std::vector<Waiting> on_report;
    std::vector<db::Measurement> measurements;  // nobody is told of them

    bool empty() const { return arrivals.empty() && reports.empty() && measurements.empty(); }
    void Add(Storable storable, OnStored on_stored);
    void Append(Batch&& other);
  };

  struct Job {
    StoreJob run;
    OnJobDone done;
  };

  void Work();
  bool WaitForWork(Batch& batch, std::vector<Job>& jobs);
  bool Urgent() const FS_REQUIRES(mutex_);
  void CancelJobs();
  bool WaitBeforeRetry();
  bool Store(Batch& batch);

  db::Writer& writer_;
  const StoreWriterEvents events_;
  const StoreWriterPace pace_;
  bool paused_ = false;  // the thread's own
  Mutex mutex_;
  std::condition_variable_any wake_;
  Batch queue_ FS_GUARDED_BY(mutex_);
  std::vector<Job> jobs_ FS_GUARDED_BY(mutex_);
  bool ended_ FS_GUARDED_BY(mutex_) = false;  // no job is taken any more
  bool stopping_ FS_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace fleetsync::serve
