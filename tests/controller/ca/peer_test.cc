#include "controller/ca/peer.h"

#include "gtest/gtest.h"

namespace fleetsync::ca {
namespace {

constexpr char kStream[] = "/fleetsync.v1.FleetService/Stream";
constexpr char kFleet[] = "/fleetsync.v1.OperatorService/GetFleet";
constexpr char kHealth[] = "/grpc.health.v1.Health/Check";

const Peer kHost{.role = tls::Role::kHost, .name = "web01"};
const Peer kAnn{.role = tls::Role::kOperator, .name = "ann"};

TEST(Peer, EachRoleHasItsMethods) {
  EXPECT_TRUE(MayCall(kHost, kStream).ok());
  EXPECT_TRUE(MayCall(kHost, kHealth).ok());
  EXPECT_EQ(Message(MayCall(kHost, kFleet)),
            "host 'web01' may not ask for the fleet: that takes an operator's certificate, made "
            "with `fleetsync ca issue --operator NAME`");
  EXPECT_TRUE(MayCall(kAnn, kFleet).ok());
  EXPECT_TRUE(MayCall(kAnn, kHealth).ok());
  EXPECT_EQ(Message(MayCall(kAnn, kStream)),
            "operator 'ann' may not report: agents' streams are for hosts' certificates");
}

TEST(Peer, AHostSpeaksForItselfAlone) {
  EXPECT_TRUE(MaySpeakFor(kHost, "web01").ok());
  EXPECT_EQ(
      Message(MaySpeakFor(kHost, "web02\x1b")),
      "the certificate of host 'web01' does not let it report for host 'web02\\x1b': give the "
      "agent the name in its certificate, or a certificate of its own with `fleetsync agent "
      "install`");
  EXPECT_FALSE(MaySpeakFor(kAnn, "ann").ok());
}

}  // namespace
}  // namespace fleetsync::ca
