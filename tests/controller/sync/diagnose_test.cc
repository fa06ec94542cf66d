#include "controller/sync/diagnose.h"

#include <gtest/gtest.h>

namespace fleetsync::sync {
namespace {

RelayState State(RelayState::Kind kind, std::string detail = "") {
  RelayState relay;
  relay.name = "relay1";
  relay.address = "192.0.2.1";
  relay.kind = kind;
  relay.detail = std::move(detail);
  return relay;
}

HostResult Deaf(std::vector<std::string> unresolved = {}) {
  HostResult result;
  result.servers = {"192.0.2.1"};
  result.unresolved = std::move(unresolved);
  return result;
}

constexpr const char* kOverSsh = ". --over-ssh sets the clock without NTP";

TEST(DiagnoseNoServer, AFirewallWhenTheServerAnswersUs) {
  EXPECT_EQ(DiagnoseNoServer(Deaf(), {State(RelayState::Kind::kSynchronised)}),
            std::string("no NTP server was heard: relay1 (192.0.2.1) answers this machine but not "
                        "the host: UDP 123 between them is filtered; look at the firewalls of both "
                        "and on the way") +
                kOverSsh);
}

TEST(DiagnoseNoServer, AnUnsynchronisedServer) {
  EXPECT_EQ(
      DiagnoseNoServer(Deaf(), {State(RelayState::Kind::kUnsynchronised, "stratum 16, leap 3")}),
      std::string("no NTP server was heard: relay1 (192.0.2.1) is not synchronised itself "
                  "(stratum 16, leap 3): it must be synchronised first") +
          kOverSsh);
}

TEST(DiagnoseNoServer, AServerThatIsDown) {
  EXPECT_EQ(DiagnoseNoServer(Deaf(), {State(RelayState::Kind::kSilent)}),
            std::string("no NTP server was heard: relay1 (192.0.2.1) does not answer this machine "
                        "either: it is down, or UDP 123 to it is closed") +
                kOverSsh);
}

TEST(DiagnoseNoServer, ANameThatTheHostDoesNotKnow) {
  EXPECT_EQ(
      DiagnoseNoServer(Deaf({"192.0.2.1"}), {State(RelayState::Kind::kSynchronised)}),
      std::string("no NTP server was heard: 192.0.2.1 has no address on this host: the name is "
                  "wrong, or its resolver is") +
          kOverSsh);
}

}  // namespace
}  // namespace fleetsync::sync
