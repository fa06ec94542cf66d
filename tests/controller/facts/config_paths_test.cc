#include "controller/facts/config_paths.h"

#include <gtest/gtest.h>

namespace fleetsync::facts {
namespace {

TEST(DirectiveValue, TakesTheLastOfSeveral) {
  EXPECT_EQ(DirectiveValue("driftfile /a\ndriftfile /b\n", "driftfile"), "/b");
}

TEST(DirectiveValue, SkipsComments) {
  EXPECT_EQ(DirectiveValue("#driftfile /a\n! driftfile /b\n  driftfile\t/c # why\n", "driftfile"),
            "/c");
}

TEST(DirectiveValue, RemovesQuotes) {
  EXPECT_EQ(DirectiveValue("driftfile \"/var/lib/ntp/drift\"\n", "driftfile"),
            "/var/lib/ntp/drift");
}

TEST(DirectiveValue, DoesNotTakeALongerWord) {
  EXPECT_EQ(DirectiveValue("keysdir /a\nkeys\n", "keys"), "");
}

TEST(FillPaths, PrefersWhatTheConfigurationSays) {
  Facts facts;
  facts.package_manager = "apt";
  facts.files["/etc/chrony/chrony.conf"].content = "driftfile /srv/drift\n";
  DaemonFact daemon;
  daemon.daemon = Daemon::kChrony;
  FillPaths(daemon, facts);
  EXPECT_EQ(daemon.config_path, "/etc/chrony/chrony.conf");
  EXPECT_EQ(daemon.drift_path, "/srv/drift");
  EXPECT_EQ(daemon.keys_path, "/etc/chrony/chrony.keys");
}

TEST(FillPaths, KnowsWhereOtherDistributionsKeepThem) {
  Facts facts;
  facts.os_id = "rhel";
  facts.package_manager = "dnf";
  DaemonFact daemon;
  daemon.daemon = Daemon::kChrony;
  FillPaths(daemon, facts);
  EXPECT_EQ(daemon.config_path, "/etc/chrony.conf");
  EXPECT_EQ(daemon.drift_path, "/var/lib/chrony/drift");
}

}  // namespace
}  // namespace fleetsync::facts
