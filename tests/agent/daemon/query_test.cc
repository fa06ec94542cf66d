#include "agent/daemon/query.h"

#include "gtest/gtest.h"

namespace fleetsync::daemon {
namespace {

using std::chrono::milliseconds;

TEST(QueryJson, HasWhatTheTableHas) {
  ntp::Snapshot snapshot;
  snapshot.synchronised = true;
  snapshot.offset = milliseconds(30);
  snapshot.error_bound = milliseconds(1);
  snapshot.stratum = 2;
  snapshot.sources.push_back({.name = "a\"\\\n",
                              .address = ntp::Address{},
                              .state = ntp::SourceState::kSelected,
                              .stratum = 1,
                              .reference_id = 0x47505300,
                              .offset = milliseconds(30),
                              .error_bound = milliseconds(1),
                              .delay = milliseconds(2),
                              .jitter = Duration(5),
                              .sample_age = milliseconds(1)});
  snapshot.sources.push_back({.name = "b"});
  EXPECT_EQ(QueryJson(snapshot),
            "{\"synchronised\": true, \"offset_s\": 0.030000000, \"error_bound_s\": 0.001000000, "
            "\"stratum\": 2, \"sources\": [{\"source\": \"a\\\"\\\\ \", \"state\": \"selected\", "
            "\"address\": \"::\", \"stratum\": 1, \"offset_s\": 0.030000000, "
            "\"error_bound_s\": 0.001000000, \"delay_s\": 0.002000000, \"jitter_s\": 0.000000005, "
            "\"interleaved\": false, \"reference\": \"GPS\"}, {\"source\": \"b\", \"state\": "
            "\"unreachable\", "
            "\"error\": \"no answer\"}]}\n");
}

TEST(QueryJson, WithoutAMajorityThereIsNoOffset) {
  EXPECT_EQ(QueryJson({}), "{\"synchronised\": false, \"sources\": []}\n");
}

}  // namespace
}  // namespace fleetsync::daemon
