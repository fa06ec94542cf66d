#include "controller/serve/ingest.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::serve {
namespace {

using namespace std::chrono_literals;

const SystemTime kReceived(1'790'000'000s);
const HostNames kHosts = {"web01", "web02"};

v1::StreamRequest HelloFrom(const std::string& host) {
  v1::StreamRequest message;
  message.mutable_hello()->set_host(host);
  message.mutable_hello()->set_agent_version("0.1.0");
  message.mutable_hello()->set_boot_id("boot");
  return message;
}

// Tells a text that nothing on the stream has told, by its number.
uint32_t Tell(v1::Report& report, uint32_t id, const std::string& text) {
  v1::Text& told = *report.add_texts();
  told.set_id(id);
  told.set_text(text);
  return id;
}

// The first of a stream tells the texts, the others name them.
v1::StreamRequest ReportOf(uint64_t sequence, bool tells_texts = true) {
  v1::StreamRequest message;
  v1::Report& report = *message.mutable_report();
  report.set_sequence(sequence);
  report.set_host_time_us(1'790'000'001'000'000);
  report.set_monotonic_us(42'000'000);
  report.set_offset_ns(-1500);
  report.set_error_bound_ns(700);
  report.set_stratum(3);
  report.set_frequency_ppb(-1234);
  report.set_root_delay_ns(11);
  report.set_root_dispersion_ns(12);
  report.set_jitter_ns(13);
  report.set_leap(v1::LEAP_NONE);
  if (tells_texts) {
    Tell(report, 1, "chrony");
    Tell(report, 2, "boot");
    Tell(report, 3, "ntp1.example");
    Tell(report, 4, "198.18.0.1");
  }
  report.set_daemon(1);
  report.set_boot_id(2);
  v1::Source& source = *report.add_sources();
  source.set_name(3);
  source.set_address(4);
  source.set_state(v1::SOURCE_STATE_SELECTED);
  source.set_stratum(2);
  source.set_reach(0377);
  source.set_poll(6);
  source.set_offset_ns(-1400);
  source.set_delay_ns(300);
  source.set_jitter_ns(20);
  source.set_last_sample_age_ms(4'000);
  source.set_reference_id(0xc6120001);
  return message;
}

// A session whose Hello has been accepted.
IngestSession Introduced() {
  IngestSession session(kHosts);
  EXPECT_TRUE(session.OnMessage(HelloFrom("web01"), kReceived).ok());
  return session;
}

db::Report Accept(IngestSession& session, const v1::StreamRequest& message) {
  const StatusOr<Accepted> accepted = session.OnMessage(message, kReceived);
  EXPECT_TRUE(accepted.ok()) << accepted.status();
  return accepted.ok() ? std::get<Reports>(*accepted).front() : db::Report{};
}

TEST(Ingest, AHelloBecomesAnArrival) {
  IngestSession session(kHosts);
  const StatusOr<Accepted> accepted = session.OnMessage(HelloFrom("web01"), kReceived);
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  const auto& arrival = std::get<db::Arrival>(*accepted);
  EXPECT_EQ(arrival.host, "web01");
  EXPECT_EQ(arrival.agent_version, "0.1.0");
  EXPECT_EQ(arrival.at, kReceived);
  EXPECT_EQ(session.host(), "web01");
}

TEST(Ingest, AReportKeepsItsValuesAndGetsTheControllersTime) {
  IngestSession session = Introduced();
  const db::Report report = Accept(session, ReportOf(7));
  EXPECT_EQ(report.host, "web01") << "of the Hello, whatever else a message says";
  EXPECT_EQ(report.boot_id, "boot");
  EXPECT_EQ(report.sequence, 7u);
  EXPECT_EQ(report.host_time, SystemTime(1'790'000'001s));
  EXPECT_EQ(report.monotonic, 42s);
  EXPECT_EQ(report.received, kReceived);
  EXPECT_EQ(report.offset, -1500ns);
  EXPECT_EQ(report.error_bound, 700ns);
  EXPECT_EQ(report.stratum, 3);
  EXPECT_EQ(report.leap, 0);
  EXPECT_EQ(report.frequency_ppb, -1234);
  EXPECT_EQ(report.root_delay, 11ns);
  EXPECT_EQ(report.root_dispersion, 12ns);
  EXPECT_EQ(report.jitter, 13ns);
  EXPECT_EQ(report.daemon, "chrony");
  ASSERT_EQ(report.sources.size(), 1u);
  const db::Source& source = report.sources[0];
  EXPECT_EQ(source.name, "ntp1.example");
  EXPECT_EQ(source.address, "198.18.0.1");
  EXPECT_EQ(source.state, db::kSelected);
  EXPECT_EQ(source.stratum, 2);
  EXPECT_EQ(source.reach, 0377);
  EXPECT_EQ(source.poll, 6);
  EXPECT_EQ(source.offset, -1400ns);
  EXPECT_EQ(source.delay, 300ns);
  EXPECT_EQ(source.jitter, 20ns);
  EXPECT_EQ(source.last_sample_age, 4s);
  EXPECT_EQ(source.reference_id, "198.18.0.1");
}

std::string Refusal(IngestSession& session, const v1::StreamRequest& message,
                    absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  const Status status = session.OnMessage(message, kReceived).status();
  EXPECT_EQ(status.code(), code) << status;
  return Message(status);
}

TEST(Ingest, ReportsThatCameTogetherAreEachItsOwn) {
  IngestSession session = Introduced();
  v1::StreamRequest message;
  *message.mutable_reports()->add_reports() = ReportOf(7).report();
  *message.mutable_reports()->add_reports() = ReportOf(9, false).report();
  const StatusOr<Accepted> accepted = session.OnMessage(message, kReceived);
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  const auto& reports = std::get<Reports>(*accepted);
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0].sequence, 7u);
  EXPECT_EQ(reports[1].sequence, 9u);
  EXPECT_EQ(reports[1].daemon, "chrony") << "the first has told the text";
}

TEST(Ingest, ReportsThatCameTogetherAreBoundedAndInOrder) {
  const auto several = [](int count, uint64_t first, uint64_t step) {
    v1::StreamRequest message;
    message.mutable_reports();
    for (int i = 0; i < count; ++i)
      message.mutable_reports()->add_reports()->set_sequence(first +
                                                             static_cast<uint64_t>(i) * step);
    return message;
  };
  IngestSession session = Introduced();
  EXPECT_TRUE(session.OnMessage(several(kMostReports, 1, 1), kReceived).ok());
  EXPECT_EQ(Refusal(session, several(0, 100, 1)), "a message of 0 reports; 1 to 64 are taken");
  EXPECT_EQ(Refusal(session, several(kMostReports + 1, 100, 1)),
            "a message of 65 reports; 1 to 64 are taken");
  EXPECT_EQ(Refusal(session, several(2, 100, 0)),
            "report 100 of host 'web01' after report 100: sequence numbers must rise, from 1 to "
            "4611686018427387904");
  IngestSession silent(kHosts);
  EXPECT_EQ(Refusal(silent, several(2, 1, 1)), "a Report before the Hello");
}

TEST(Ingest, OnlyHostsOfTheInventoryMayReport) {
  IngestSession session(kHosts);
  EXPECT_EQ(Refusal(session, HelloFrom("evil\x1b[2J"), absl::StatusCode::kPermissionDenied),
            "host 'evil\\x1b[2J' is not in the controller's inventory: add it there and send "
            "fleetsync serve a SIGHUP, or give the agent the name that the inventory has");
  EXPECT_EQ(session.host(), "");
  Refusal(session, HelloFrom(""), absl::StatusCode::kPermissionDenied);
}

TEST(Ingest, TheHelloComesFirstAndOnce) {
  IngestSession session(kHosts);
  EXPECT_EQ(Refusal(session, ReportOf(1)), "a Report before the Hello");
  ASSERT_TRUE(session.OnMessage(HelloFrom("web01"), kReceived).ok());
  EXPECT_EQ(Refusal(session, HelloFrom("web02")), "a second Hello on the stream of host 'web01'");
  EXPECT_EQ(session.host(), "web01");
}

TEST(Ingest, AnUnknownMessageIsRefused) {
  IngestSession session = Introduced();
  EXPECT_EQ(Refusal(session, {}),
            "a message of a kind that is not known here: this controller is older than the agent");
}

TEST(Ingest, SequenceNumbersRise) {
  IngestSession session = Introduced();
  Accept(session, ReportOf(5));
  EXPECT_EQ(Refusal(session, ReportOf(5)),
            "report 5 of host 'web01' after report 5: sequence numbers must rise, from 1 to "
            "4611686018427387904");
  Refusal(session, ReportOf(4));
  Refusal(session, ReportOf(0));
  Refusal(session, ReportOf(std::numeric_limits<uint64_t>::max()));
  EXPECT_EQ(Accept(session, ReportOf(1000, false)).sequence, 1000u)
      << "gaps are reports that were dropped";
}

TEST(Ingest, NumbersOutOfRangeAreBroughtBackIntoIt) {
  IngestSession session = Introduced();
  v1::StreamRequest message = ReportOf(1);
  v1::Report& report = *message.mutable_report();
  report.set_host_time_us(std::numeric_limits<uint64_t>::max());
  report.set_monotonic_us(std::numeric_limits<uint64_t>::max());
  report.set_offset_ns(std::numeric_limits<int64_t>::min());
  report.set_error_bound_ns(std::numeric_limits<uint64_t>::max());
  report.set_stratum(4'000'000'000);
  report.set_leap(static_cast<v1::Leap>(17));
  report.set_frequency_ppb(std::numeric_limits<int64_t>::min());
  v1::Source& source = *report.mutable_sources(0);
  source.set_state(static_cast<v1::SourceState>(99));
  source.set_stratum(0);
  source.set_reach(0x1ff);
  source.set_poll(-2'000'000'000);

  const db::Report stored = Accept(session, message);
  EXPECT_GT(stored.host_time, SystemTime(0s));
  EXPECT_GT(stored.monotonic, 0s);
  EXPECT_EQ(stored.offset.count(), -(int64_t{1} << 60));
  EXPECT_EQ(stored.error_bound.count(), int64_t{1} << 60);
  EXPECT_GT(Abs(stored.offset) + stored.error_bound, 0ns) << "their sum fits";
  EXPECT_EQ(stored.stratum, 16);
  EXPECT_EQ(stored.leap, 3) << "what is not understood is not synchronised";
  EXPECT_EQ(stored.frequency_ppb, -1'000'000'000);
  EXPECT_EQ(stored.sources[0].state, 0);
  EXPECT_EQ(stored.sources[0].stratum, 16);
  EXPECT_EQ(stored.sources[0].reach, 0377);
  EXPECT_EQ(stored.sources[0].poll, -128);
}

TEST(Ingest, StratumZeroIsNotSynchronised) {
  IngestSession session = Introduced();
  v1::StreamRequest message = ReportOf(1);
  message.mutable_report()->set_stratum(0);
  EXPECT_EQ(Accept(session, message).stratum, 16);
}

TEST(Ingest, LongTextsAreCutBetweenCharacters) {
  IngestSession session = Introduced();
  v1::StreamRequest message = ReportOf(1);
  v1::Report& report = *message.mutable_report();
  report.set_daemon(Tell(report, 5, std::string(254, 'x') + "é"));
  report.mutable_sources(0)->set_name(Tell(report, 6, std::string(1000, 'y')));
  const db::Report stored = Accept(session, message);
  EXPECT_EQ(stored.daemon, std::string(254, 'x'));
  EXPECT_EQ(stored.sources[0].name, std::string(255, 'y'));
}

TEST(Ingest, TextsAreToldOnceAndNamedFromThenOn) {
  IngestSession session = Introduced();
  Accept(session, ReportOf(1));
  const db::Report second = Accept(session, ReportOf(2, false));
  EXPECT_EQ(second.daemon, "chrony");
  EXPECT_EQ(second.boot_id, "boot");
  EXPECT_EQ(second.sources[0].name, "ntp1.example");
  EXPECT_EQ(second.sources[0].address, "198.18.0.1");
}

TEST(Ingest, ATextThatWasNeverToldIsEmpty) {
  IngestSession session = Introduced();
  v1::StreamRequest message = ReportOf(1);
  message.mutable_report()->set_daemon(77);
  EXPECT_EQ(Accept(session, message).daemon, "");
}

TEST(Ingest, ATextIsToldOnceAndThereAreNotTooMany) {
  IngestSession session = Introduced();
  Accept(session, ReportOf(1));
  EXPECT_EQ(Refusal(session, ReportOf(2)), "host 'web01' tells text 1 twice");
  v1::StreamRequest many = ReportOf(3, false);
  for (uint32_t i = 0; i < 2000; ++i) Tell(*many.mutable_report(), 100 + i, std::to_string(i));
  Refusal(session, many, absl::StatusCode::kResourceExhausted);
}

TEST(Ingest, NoMoreSourcesAreKeptThanAHostCanHave) {
  IngestSession session = Introduced();
  v1::StreamRequest message = ReportOf(1);
  for (int i = 0; i < 500; ++i) message.mutable_report()->add_sources()->set_name(3);
  EXPECT_EQ(Accept(session, message).sources.size(), 64u);
}

TEST(Ingest, TheSpoolsNameIsPassedOn) {
  IngestSession session(kHosts);
  v1::StreamRequest hello = HelloFrom("web01");
  hello.mutable_hello()->set_spool_id("5b1c");
  const StatusOr<Accepted> accepted = session.OnMessage(hello, kReceived);
  ASSERT_TRUE(accepted.ok());
  EXPECT_EQ(std::get<db::Arrival>(*accepted).spool_id, "5b1c");
}

TEST(Ingest, AnswersComeAfterTheHello) {
  v1::StreamRequest answer, result, request;
  answer.mutable_time_answer()->set_id(7);
  result.mutable_command_result()->set_id(8);
  request.mutable_certificate_request()->set_request_der("der");
  for (const v1::StreamRequest& message : {answer, result, request}) {
    IngestSession session(kHosts);
    EXPECT_TRUE(absl::IsInvalidArgument(session.OnMessage(message, kReceived).status()));
    EXPECT_TRUE(Introduced().OnMessage(message, kReceived).ok());
  }
}

TEST(Ingest, ATimeAnswerKeepsItsStampsAndNoneIsBefore1970) {
  IngestSession session = Introduced();
  v1::StreamRequest message;
  message.mutable_time_answer()->set_id(7);
  message.mutable_time_answer()->set_received_ns(-5);
  message.mutable_time_answer()->set_sent_ns(1'790'000'000'000'000'001);
  const StatusOr<Accepted> accepted = session.OnMessage(message, kReceived);
  ASSERT_TRUE(accepted.ok());
  const auto& stamps = std::get<HostStamps>(*accepted);
  EXPECT_EQ(stamps.question, 7u);
  EXPECT_EQ(stamps.received, SystemTime());
  EXPECT_EQ(stamps.sent, SystemTime(1'790'000'000s) + 1ns);
}

TEST(Ingest, ACommandsResultIsBroughtIntoItsRange) {
  IngestSession session = Introduced();
  v1::StreamRequest message;
  v1::CommandResult& result = *message.mutable_command_result();
  result.set_id(8);
  result.set_outcome(static_cast<v1::CommandOutcome>(99));
  result.set_text(std::string(1000, 'x'));
  result.set_offset_after_ns(std::numeric_limits<int64_t>::min());
  result.set_error_bound_ns(std::numeric_limits<uint64_t>::max());
  const StatusOr<Accepted> accepted = session.OnMessage(message, kReceived);
  ASSERT_TRUE(accepted.ok());
  const auto& sane = std::get<v1::CommandResult>(*accepted);
  EXPECT_EQ(sane.id(), 8u);
  EXPECT_EQ(sane.outcome(), v1::COMMAND_OUTCOME_UNSPECIFIED);
  EXPECT_EQ(sane.text().size(), 255u);
  EXPECT_EQ(sane.offset_after_ns(), -(int64_t{1} << 60));
  EXPECT_EQ(sane.error_bound_ns(), uint64_t{1} << 60);
}

TEST(Ingest, ACertificateRequestHasABoundedSize) {
  IngestSession session = Introduced();
  v1::StreamRequest message;
  message.mutable_certificate_request();
  EXPECT_TRUE(absl::IsInvalidArgument(session.OnMessage(message, kReceived).status()));
  message.mutable_certificate_request()->set_request_der(std::string(20'000, 'x'));
  EXPECT_EQ(Refusal(session, message),
            "a certificate request of 20000 bytes from host 'web01'; at most 16384 are taken");
  message.mutable_certificate_request()->set_request_der("der");
  const StatusOr<Accepted> accepted = session.OnMessage(message, kReceived);
  ASSERT_TRUE(accepted.ok());
  EXPECT_EQ(std::get<CertificateWanted>(*accepted).request_der, "der");
}

}  // namespace
}  // namespace fleetsync::serve
