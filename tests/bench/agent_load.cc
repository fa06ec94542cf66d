// Plays agents for `fleetsync serve`: a connection and a stream each, with the agents' own Uplink,
// so that windows, back-off and jitter are theirs. Prints a line of JSON when all are welcomed, and
// one at the end.
//
//   agent_load ADDRESS --agents N [--first I] [--buffered K] [--every-ms T] [--seconds S]
//              [--outage-seconds O] [--ca FOLDER]
//
// Hosts are h00000, h00001, … from I on. Each has K reports to send at once, then one every T ms.
// It ends after S seconds, or without --seconds when everything is acknowledged. With
// --outage-seconds the agents have tried in vain for that long before, each by its own jitter. With
// --ca they have certificates of the authority in this folder; making those is not timed.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <vector>

#include "agent/report/channel_credentials.h"
#include "agent/report/identity.h"
#include "agent/report/text_dictionary.h"
#include "agent/report/uplink.h"
#include "base/clock_read.h"
#include "base/overloaded.h"
#include "controller/ca/authority.h"
#include "fmt/format.h"
#include "proto/fleetsync/v1/fleet.grpc.pb.h"

namespace {

using namespace fleetsync;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Settings {
  std::string address;
  size_t agents = 1, first = 0;
  uint64_t buffered = 0;
  Duration every{};
  Duration length{};
  Duration outage{};
  std::string ca;
};

struct Totals {
  uint64_t acknowledged = 0, sent = 0, connects = 0, broken = 0, answered_questions = 0;
  size_t welcomed = 0;
};

class Agent;
struct Stream;
enum class Step { kStart, kRead, kWrite, kFinish };
struct Tag {
  Stream* stream;
  Step step;
};

// One call; lives until gRPC holds none of its tags.
struct Stream {
  explicit Stream(Agent& of) : agent(of) {}

  Agent& agent;
  grpc::ClientContext context;
  std::unique_ptr<v1::FleetService::Stub> stub;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::StreamRequest, v1::StreamResponse>> call;
  v1::StreamRequest request;
  v1::StreamResponse response;
  grpc::Status status;
  report::TextDictionary texts;
  std::deque<v1::StreamRequest> answers;
  uint64_t next = 1, last = 0;  // reports that may be written
  uint32_t most_reports = 0;    // in one message
  Tag start{this, Step::kStart}, read{this, Step::kRead}, write{this, Step::kWrite},
      finish{this, Step::kFinish};
  int pending = 0;
  bool writing = false, welcomed = false, finishing = false, abandoned = false;
};

// A report as an agent with four sources sends it.
v1::Report MakeReport(uint64_t sequence, SystemTime now) {
  v1::Report report;
  const auto n = static_cast<int64_t>(sequence);
  report.set_sequence(sequence);
  report.set_host_time_us(static_cast<uint64_t>(now.time_since_epoch().count() / 1000));
  report.set_monotonic_us(sequence * 10'000'000);
  report.set_offset_ns(-12'345 + n % 1000);
  report.set_error_bound_ns(345'678);
  report.set_stratum(3);
  report.set_leap(v1::LEAP_NONE);
  report.set_frequency_ppb(-12'345 - n % 100);
  report.set_root_delay_ns(1'234'567);
  report.set_root_dispersion_ns(234'567);
  report.set_jitter_ns(23'456);
  const auto tell = [&report](uint32_t id, std::string text) {
    v1::Text& told = *report.add_texts();
    told.set_id(id);
    told.set_text(std::move(text));
    return id;
  };
  report.set_daemon(tell(1, "agent"));
  report.set_boot_id(tell(2, "6f1c5f0e-0d0b-4f43-9a6e-0c1d2e3f4a5b"));
  for (uint32_t i = 0; i < 4; ++i) {
    v1::Source& source = *report.add_sources();
    source.set_name(tell(3 + 2 * i, fmt::format("ntp{}.example", i)));
    source.set_address(tell(4 + 2 * i, fmt::format("198.18.0.{}", i)));
    source.set_state(i == 0 ? v1::SOURCE_STATE_SELECTED : v1::SOURCE_STATE_CANDIDATE);
    source.set_stratum(2);
    source.set_reach(0377);
    source.set_poll(6);
    source.set_offset_ns(-12'000 + n % 777);
    source.set_delay_ns(345'678);
    source.set_jitter_ns(12'345);
    source.set_last_sample_age_ms(12'345);
    source.set_reference_id(0xc6120001 + i);
  }
  return report;
}

std::shared_ptr<grpc::ChannelCredentials> CertifiedAs(const std::string& host,
                                                      const ca::Authority& authority) {
  StatusOr<ca::Identity> issued = authority.IssueHost(host);
  if (issued.ok()) {
    const auto credentials = report::MakeChannelCredentials({.authority = issued->authority,
                                                             .certificate = issued->certificate,
                                                             .key = std::move(issued->key),
                                                             .host = host,
                                                             .expires = {}});
    if (credentials.ok()) return *credentials;
  }
  std::fprintf(stderr, "agent_load: no certificate for %s\n", host.c_str());
  std::exit(1);
}

class Agent {
 public:
  Agent(size_t number, const Settings& settings, const ca::Authority* authority,
        grpc::CompletionQueue& queue, Totals& totals)
      : host_(fmt::format("h{:05}", number)),
        settings_(settings),
        queue_(queue),
        totals_(totals),
        uplink_(number + 1) {
    if (authority != nullptr) credentials_ = CertifiedAs(host_, *authority);
  }

  void Begin(Now now, Duration phase) {
    spooled_ = settings_.buffered;
    next_report_ = settings_.every > Duration::zero() ? now.mono + phase : MonoTime::max();
    if (settings_.outage > Duration::zero()) {
      LiveThroughOutage(now);
    } else {
      Perform(uplink_.Start(now));
    }
    Perform(uplink_.OnSpooled(now, spooled_));
  }

  MonoTime due() const { return std::min(next_report_, uplink_.NextTimer()); }

  void OnTime(Now now) {
    if (uplink_.NextTimer() <= now.mono) Perform(uplink_.OnTimer(now));
    if (next_report_ > now.mono) return;
    next_report_ += settings_.every;
    Perform(uplink_.OnSpooled(now, ++spooled_));
  }

  void OnCompletion(Stream& stream, Step step, bool ok);
  bool CaughtUp() const { return acknowledged_ >= spooled_; }
  void Stop() { Abandon(); }
  bool idle() const { return streams_.empty(); }

 private:
  // The same state machine, with the time of the outage behind it: no attempt succeeded.
  void LiveThroughOutage(Now now) {
    Now past{now.mono - settings_.outage, now.system - settings_.outage};
    uplink_.Start(past);
    uplink_.OnBroken(past);
    while (uplink_.NextTimer() < now.mono) {
      const Duration passed = uplink_.NextTimer() - past.mono;
      past = {past.mono + passed, past.system + passed};
      uplink_.OnTimer(past);
      uplink_.OnBroken(past);
    }
  }
  void Perform(const report::UplinkActions& actions);
  void Connect();
  void Abandon() {
    if (current_ == nullptr) return;
    current_->abandoned = true;
    current_->context.TryCancel();
    current_ = nullptr;
  }
  void Read(Stream& stream) {
    ++stream.pending;
    stream.call->Read(&stream.response, &stream.read);
  }
  void Write(Stream& stream) {
    stream.writing = true;
    ++stream.pending;
    stream.call->Write(stream.request, &stream.write);
  }
  void WriteNext(Stream& stream);
  void OnMessage(Stream& stream);
  void Fail(Stream& stream) {
    if (std::exchange(stream.finishing, true)) return;
    ++stream.pending;
    stream.call->Finish(&stream.status, &stream.finish);
  }

  const std::string host_;
  const Settings& settings_;
  std::shared_ptr<grpc::ChannelCredentials> credentials_ = grpc::InsecureChannelCredentials();
  grpc::CompletionQueue& queue_;
  Totals& totals_;
  report::Uplink uplink_;
  uint64_t spooled_ = 0, acknowledged_ = 0;
  MonoTime next_report_ = MonoTime::max();
  std::vector<std::unique_ptr<Stream>> streams_;
  Stream* current_ = nullptr;
};

void Agent::Connect() {
  Abandon();
  ++totals_.connects;
  auto stream = std::make_unique<Stream>(*this);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (!settings_.ca.empty()) report::ExpectController(arguments);
  stream->stub = v1::FleetService::NewStub(
      grpc::CreateCustomChannel(settings_.address, credentials_, arguments));
  stream->call = stream->stub->PrepareAsyncStream(&stream->context, &queue_);
  ++stream->pending;
  stream->call->StartCall(&stream->start);
  current_ = stream.get();
  streams_.push_back(std::move(stream));
}

void Agent::Perform(const report::UplinkActions& actions) {
  for (const report::UplinkAction& action : actions) {
    std::visit(Overloaded{[&](const report::Connect&) { Connect(); },
                          [&](const report::Disconnect&) { Abandon(); },
                          [&](const report::Forget& forget) {
                            if (forget.through <= acknowledged_) return;
                            totals_.acknowledged += forget.through - acknowledged_;
                            acknowledged_ = forget.through;
                          },
                          [&](const report::SendThrough& range) {
                            if (current_ == nullptr) return;
                            current_->next = std::min(current_->next, range.first);
                            if (current_->last < current_->next) current_->next = range.first;
                            current_->last = range.last;
                            Perform(uplink_.OnRead(ReadClocks(), range.last, range.last));
                            if (current_ != nullptr) WriteNext(*current_);
                          }},
               action);
  }
}

void Agent::WriteNext(Stream& stream) {
  if (!stream.welcomed || stream.writing || stream.finishing) return;
  if (!stream.answers.empty()) {
    stream.request = std::move(stream.answers.front());
    stream.answers.pop_front();
    if (stream.request.has_time_answer())
      stream.request.mutable_time_answer()->set_sent_ns(
          ReadSystemClock().time_since_epoch().count());
    return Write(stream);
  }
  if (stream.next > stream.last) return;
  const uint64_t waiting = stream.last - stream.next + 1;
  const uint64_t count = std::clamp<uint64_t>(stream.most_reports, 1, waiting);
  const auto next = [&](v1::Report& report) {
    report = MakeReport(stream.next++, ReadSystemClock());
    stream.texts.Shorten(report);
  };
  totals_.sent += count;
  if (count == 1) {
    next(*stream.request.mutable_report());
  } else {
    v1::Reports& together = *stream.request.mutable_reports();
    together.Clear();
    for (uint64_t i = 0; i < count; ++i) next(*together.add_reports());
  }
  Write(stream);
}

void Agent::OnMessage(Stream& stream) {
  const Now now = ReadClocks();
  if (stream.response.has_welcome()) {
    stream.welcomed = true;
    stream.most_reports = stream.response.welcome().most_reports();
    ++totals_.welcomed;
    Perform(uplink_.OnConnected(now, stream.response.welcome().stored_through()));
  } else if (stream.response.has_acknowledgement()) {
    Perform(uplink_.OnAcknowledged(now, stream.response.acknowledgement().through()));
  } else if (stream.response.has_time_question()) {
    ++totals_.answered_questions;
    v1::StreamRequest& request = stream.answers.emplace_back();
    request.mutable_time_answer()->set_id(stream.response.time_question().id());
    request.mutable_time_answer()->set_received_ns(now.system.time_since_epoch().count());
    WriteNext(stream);
  } else if (stream.response.has_command()) {
    // As an agent whose clock was two seconds behind.
    v1::CommandResult& result = *stream.answers.emplace_back().mutable_command_result();
    result.set_id(stream.response.command().id());
    result.set_outcome(v1::COMMAND_OUTCOME_DONE);
    result.set_offset_before_ns(2'000'000'000);
    result.set_error_bound_ns(50'000);
    WriteNext(stream);
  }
}

void Agent::OnCompletion(Stream& stream, Step step, bool ok) {
  --stream.pending;
  if (!stream.abandoned) {
    if (step == Step::kFinish) {
      ++totals_.broken;
      current_ = nullptr;
      Perform(uplink_.OnBroken(ReadClocks()));
    } else if (!ok) {
      if (step == Step::kWrite) stream.writing = false;
      Fail(stream);
    } else if (step == Step::kStart) {
      stream.request.mutable_hello()->set_host(host_);
      stream.request.mutable_hello()->set_agent_version("0.1.0");
      stream.request.mutable_hello()->set_spool_id("load");
      Write(stream);
      Read(stream);
    } else if (step == Step::kRead) {
      OnMessage(stream);
      if (!stream.abandoned) Read(stream);
    } else {
      stream.writing = false;
      WriteNext(stream);
    }
  }
  if (stream.pending == 0)
    std::erase_if(streams_, [&](const auto& s) { return s.get() == &stream; });
}

class Load {
 public:
  Load(const Settings& settings, const ca::Authority* authority) : settings_(settings) {
    for (size_t i = 0; i < settings.agents; ++i)
      agents_.push_back(
          std::make_unique<Agent>(settings.first + i, settings_, authority, queue_, totals_));
  }

  int Run();

 private:
  void OnTimers(Now now);
  void Drain();
  bool CaughtUp() const {
    return std::all_of(agents_.begin(), agents_.end(), [](const auto& a) { return a->CaughtUp(); });
  }

  const Settings settings_;
  grpc::CompletionQueue queue_;
  Totals totals_;
  std::vector<std::unique_ptr<Agent>> agents_;
};

void Load::OnTimers(Now now) {
  for (const auto& agent : agents_)
    if (agent->due() <= now.mono) agent->OnTime(now);
}

// gRPC gives back every tag before the queue may end.
void Load::Drain() {
  for (const auto& agent : agents_) agent->Stop();
  const auto idle = [&] {
    return std::all_of(agents_.begin(), agents_.end(), [](const auto& a) { return a->idle(); });
  };
  void* tag = nullptr;
  bool ok = false;
  while (!idle() && queue_.Next(&tag, &ok)) {
    const Tag& done = *static_cast<Tag*>(tag);
    done.stream->agent.OnCompletion(*done.stream, done.step, ok);
  }
  queue_.Shutdown();
  while (queue_.Next(&tag, &ok)) {
  }
}

int Load::Run() {
  const Now begin = ReadClocks();
  for (size_t i = 0; i < agents_.size(); ++i)
    agents_[i]->Begin(begin, settings_.every * static_cast<int64_t>(i + 1) /
                                 static_cast<int64_t>(agents_.size()));
  const uint64_t wanted = settings_.buffered * settings_.agents;
  Duration all_welcomed{}, caught_up{};
  MonoTime timers = begin.mono;
  for (;;) {
    const Now now = ReadClocks();
    if (settings_.length > Duration::zero() && now.mono - begin.mono >= settings_.length) break;
    if (all_welcomed == Duration::zero() && totals_.welcomed >= settings_.agents) {
      all_welcomed = now.mono - begin.mono;
      std::puts("{\"all\": \"welcomed\"}");
      std::fflush(stdout);
    }
    if (caught_up == Duration::zero() && totals_.acknowledged >= wanted) {
      caught_up = now.mono - begin.mono;
      if (settings_.length == Duration::zero() && CaughtUp()) break;
    }
    if (now.mono >= timers) {
      OnTimers(now);
      timers = now.mono + milliseconds(20);
    }
    void* tag = nullptr;
    bool ok = false;
    const auto until = std::chrono::system_clock::now() + milliseconds(20);
    if (queue_.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) continue;
    const Tag& done = *static_cast<Tag*>(tag);
    done.stream->agent.OnCompletion(*done.stream, done.step, ok);
  }
  const Duration length = ReadClocks().mono - begin.mono;
  std::printf(
      "{\"agents\": %zu, \"seconds\": %.3f, \"acknowledged\": %lu, \"sent\": %lu, \"connects\": "
      "%lu, "
      "\"broken\": %lu, \"answered_questions\": %lu, \"all_welcomed_s\": %.3f, \"caught_up_s\": "
      "%.3f}\n",
      settings_.agents, ToSeconds(length), totals_.acknowledged, totals_.sent, totals_.connects,
      totals_.broken, totals_.answered_questions, ToSeconds(all_welcomed), ToSeconds(caught_up));
  Drain();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  if (argc >= 2) settings.address = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const uint64_t number = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--ca") settings.ca = argv[i + 1];
    if (name == "--agents") settings.agents = number;
    if (name == "--first") settings.first = number;
    if (name == "--buffered") settings.buffered = number;
    if (name == "--every-ms") settings.every = milliseconds(number);
    if (name == "--seconds") settings.length = seconds(number);
    if (name == "--outage-seconds") settings.outage = seconds(number);
  }
  if (settings.address.empty() || settings.agents == 0) {
    std::fprintf(stderr,
                 "usage: agent_load ADDRESS --agents N [--buffered K] [--every-ms T] ...\n");
    return 2;
  }
  std::unique_ptr<ca::Authority> authority;
  if (!settings.ca.empty()) {
    StatusOr<std::unique_ptr<ca::Authority>> opened = ca::Authority::Open(settings.ca);
    if (!opened.ok()) {
      std::fprintf(stderr, "agent_load: %s\n", Message(opened.status()).c_str());
      return 1;
    }
    authority = *std::move(opened);
  }
  return Load(settings, authority.get()).Run();
}
