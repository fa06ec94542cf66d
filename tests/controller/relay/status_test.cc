#include "controller/relay/status.h"

#include "agent/net/address_text.h"
#include "gtest/gtest.h"

namespace fleetsync::relay {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

RelayStatus Busy() {
  RelayStatus status;
  status.listening = {*net::ParseNumericAddress("0.0.0.0", 123),
                      *net::ParseNumericAddress("2001:db8::1", 123)};
  status.source = "198.18.1.1";
  status.vars = {.as_of = {},
                 .offset = microseconds(-1200),
                 .root_delay = milliseconds(2),
                 .root_dispersion = milliseconds(1),
                 .reference_id = 0xc6120101,
                 .stratum = 3,
                 .leap = ntp::Leap::kNone};
  status.now.mono = MonoTime(seconds(1000));
  status.started = MonoTime(seconds(900));
  status.counts.verdicts[static_cast<size_t>(server::Verdict::kAnswered)] = 40;
  status.counts.verdicts[static_cast<size_t>(server::Verdict::kDenied)] = 2;
  status.counts.overflowed = 7;
  status.counts.clients = 1;
  status.top = {{*net::ParseNumericAddress("10.0.0.7", 0), 40, 3, MonoTime(seconds(995))}};
  return status;
}

TEST(RelayStatus, Table) {
  const auto table = StatusTable(ToJson(Busy()));
  ASSERT_TRUE(table.ok()) << Message(table.status());
  EXPECT_EQ(*table,
            "serving stratum 3, reference 198.18.1.1, offset -1.20 ms, root distance 2.00 ms\n"
            "on 0.0.0.0:123, [2001:db8::1]:123, for 1m 40s\n"
            "time from 198.18.1.1\n"
            "\n"
            "  requests                    42\n"
            "  answered                    40\n"
            "  denied                       2\n"
            "  overflowed                   7\n"
            "  clients                      1\n"
            "\n"
            "CLIENT                                        REQUESTS       LIMITED      LAST\n"
            "10.0.0.7                                            40             3       5 s\n");
}

TEST(RelayStatus, WhatIsNoStatusIsTold) {
  EXPECT_TRUE(absl::IsDataLoss(StatusTable("").status()));
  EXPECT_TRUE(absl::IsDataLoss(StatusTable("{}").status()));
  EXPECT_TRUE(absl::IsDataLoss(StatusTable("[1").status()));
}

}  // namespace
}  // namespace fleetsync::relay
