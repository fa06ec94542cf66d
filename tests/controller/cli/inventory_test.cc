#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/CLI.hpp"
#include "controller/cli/commands.h"
#include "controller/cli/exit_code.h"
#include "controller/cli/options.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace fleetsync::cli {
namespace {

struct Ran {
  int exit_code = -1;
  std::string out, err;
};

class InventoryCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "fleetsync_inventory.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    unsetenv("FLEETSYNC_INVENTORY");
    old_folder_ = std::filesystem::current_path();
    std::filesystem::current_path(folder_);  // so that messages name the file alone
  }
  void TearDown() override {
    std::filesystem::current_path(old_folder_);
    std::filesystem::remove_all(folder_);
  }

  static void Write(const std::string& name, std::string_view text, unsigned mode = 0600) {
    std::ofstream(name) << text;
    std::filesystem::permissions(name, static_cast<std::filesystem::perms>(mode));
  }

  // `fleetsync inventory ARGUMENTS`, as main does it.
  static Ran Run(std::vector<std::string> arguments) {
    CLI::App app("", "fleetsync");
    app.require_subcommand(1);
    app.fallthrough();
    Context context;
    Action action;
    AddCommonOptions(app, context.options);
    AddInventory(app, action);
    for (CLI::App* command : app.get_subcommands({})) command->fallthrough();
    arguments.insert(arguments.begin(), "inventory");
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants it
    app.parse(reversed);
    const std::atomic<bool> stop{false};
    context.stop = &stop;
    Ran ran;
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    ran.exit_code = action(context);
    ran.err = ::testing::internal::GetCapturedStderr();
    ran.out = ::testing::internal::GetCapturedStdout();
    return ran;
  }

 private:
  std::filesystem::path folder_, old_folder_;
};

constexpr std::string_view kFleet = R"(defaults: {user: ops}
time: {upstreams: [a, b, c, d], tolerance: 5ms}
groups:
  relays: {role: relay, hosts: ["r[1-3]"]}
  web: {hosts: ["w[1-2]"]}
hosts:
  w2: {address: 198.18.0.2, port: 2222, password_env: FLEET}
)";

TEST_F(InventoryCommand, ListShowsTheChosenHosts) {
  Write("fleet.yaml", kFleet);
  const Ran ran = Run({"list", "-l", "@web,r1"});
  EXPECT_EQ(ran.exit_code, kAllWell);
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(ran.out,
            "HOST  ADDRESS     USER  PORT  ROLE    GROUPS\n"
            "r1    r1          ops      -  relay   relays\n"
            "w1    w1          ops      -  client  web\n"
            "w2    198.18.0.2  ops   2222  client  web\n");
}

TEST_F(InventoryCommand, ListOfNobodyIsAUsageError) {
  Write("fleet.yaml", kFleet);
  const Ran ran = Run({"list", "-g", "wbe"});
  EXPECT_EQ(ran.exit_code, kUsage);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "fleetsync: no group 'wbe' in fleet.yaml; did you mean 'web'?\n");
}

TEST_F(InventoryCommand, ListForProgramsHasOneObjectAHost) {
  Write("servers.txt", "ops s3cret web01:2222\nweb02\n");
  const Ran ran = Run({"list", "-o", "json"});
  EXPECT_EQ(ran.exit_code, kAllWell);
  const auto hosts = nlohmann::json::parse(ran.out)["hosts"];
  ASSERT_EQ(hosts.size(), 2U);
  EXPECT_EQ(hosts[0]["user"], "ops");
  EXPECT_EQ(hosts[0]["port"], 2222);
  EXPECT_TRUE(hosts[1]["user"].is_null());
  EXPECT_EQ(ran.out.find("s3cret"), std::string::npos);
  EXPECT_EQ(ran.err,
            "servers.txt:1:5: warning: passwords in clear in this file (1); keys are safer: "
            "ssh-copy-id USER@HOST, then remove the second word\n");
}

TEST_F(InventoryCommand, ShowTellsEveryValueAndItsPlace) {
  Write("fleet.yaml", kFleet);
  const Ran ran = Run({"show", "w2"});
  EXPECT_EQ(ran.exit_code, kAllWell);
  EXPECT_EQ(ran.out,
            "host    w2\n"
            "role    client\n"
            "groups  web (strongest first)\n"
            "\n"
            "KEY                   VALUE                            FROM      WHERE\n"
            "address               198.18.0.2                       host w2   fleet.yaml:7:8\n"
            "user                  ops                              defaults  fleet.yaml:1:12\n"
            "port                  2222                             host w2   fleet.yaml:7:29\n"
            "identity              from ssh_config, else ssh's own  built in\n"
            "known_hosts           from ssh_config, else ssh's own  built in\n"
            "proxy_jump            from ssh_config, else none       built in\n"
            "become                none                             built in\n"
            "password_env          FLEET                            host w2   fleet.yaml:7:41\n"
            "role                  client                           built in\n"
            "report_through        network                          built in\n"
            "time.daemon           auto                             built in\n"
            "time.packages         leave                            built in\n"
            "time.rivals           retire                           built in\n"
            "time.drift            keep                             built in\n"
            "time.upstreams        [a, b, c, d]                     time      fleet.yaml:2:8\n"
            "time.servers          every relay                      built in\n"
            "time.peers            []                               built in\n"
            "time.two_sources      refuse                           built in\n"
            "time.family           any                              built in\n"
            "time.dhcp_servers     the daemon's own                 built in\n"
            "time.keys             []                               built in\n"
            "time.allow            networks of the hosts            built in\n"
            "time.local_stratum    none                             built in\n"
            "time.ratelimit        none                             built in\n"
            "time.firewall         manage                           built in\n"
            "time.step             {threshold: 1s, limit: 3}        built in\n"
            "time.panic            the daemon's own                 built in\n"
            "time.max_distance     the daemon's own                 built in\n"
            "time.min_sources      the daemon's own                 built in\n"
            "time.leap             the daemon's own                 built in\n"
            "time.drift_file       the host's own                   built in\n"
            "time.rtc              yes                              built in\n"
            "time.hwtimestamp      []                               built in\n"
            "time.job              none                             built in\n"
            "time.every            1d                               built in\n"
            "time.timezone         the host's own                   built in\n"
            "time.log_folder       the daemon's own                 built in\n"
            "time.log              []                               built in\n"
            "time.tolerance        5ms                              time      fleet.yaml:2:33\n"
            "time.max_step         1000s                            built in\n"
            "time.backward         allow                            built in\n"
            "time.extra            []                               built in\n"
            "time.extra_chrony     []                               built in\n"
            "time.extra_ntp        []                               built in\n"
            "time.extra_openntpd   []                               built in\n"
            "time.extra_timesyncd  []                               built in\n");
}

TEST_F(InventoryCommand, ShowNeverShowsAPassword) {
  Write("servers.txt", "ops s3cret web01\n");
  const Ran table = Run({"show", "web01"});
  EXPECT_NE(table.out.find("password              (secret)"), std::string::npos) << table.out;
  const Ran json = Run({"show", "web01", "-o", "json"});
  EXPECT_EQ(nlohmann::json::parse(json.out)["hosts"][0]["variables"]["password"]["value"],
            "(secret)");
  for (const std::string* text : {&table.out, &table.err, &json.out, &json.err})
    EXPECT_EQ(text->find("s3cret"), std::string::npos);
}

TEST_F(InventoryCommand, CheckOfAGoodFleetIsOneLine) {
  Write("fleet.yaml", kFleet);
  const Ran ran = Run({"check"});
  EXPECT_EQ(ran.exit_code, kAllWell);
  EXPECT_EQ(ran.out, "fleet.yaml: 5 hosts, 2 groups, 3 relays; 0 errors, 0 warnings\n");
}

TEST_F(InventoryCommand, CheckShowsEveryMistakeAndEndsWithTwo) {
  Write("fleet.yaml", "hosts: {w1: {prot: 22}, \"a b\": }\n");
  const Ran ran = Run({"check"});
  EXPECT_EQ(ran.exit_code, kUsage);
  EXPECT_EQ(ran.out,
            "fleet.yaml:1:14: unknown key 'prot' in host 'w1'; did you mean 'port'?\n"
            "fleet.yaml:1:25: host name 'a b' holds ' '; use letters, digits, '.', '-' and '_' "
            "only\n"
            "fleet.yaml: 2 errors, 0 warnings\n");
}

TEST_F(InventoryCommand, CheckTakesWarningsForErrorsOnlyWhenStrict) {
  Write("servers.txt", "web01\n");
  const Ran ran = Run({"check"});
  EXPECT_EQ(ran.exit_code, kAllWell);
  EXPECT_EQ(ran.out,
            "servers.txt:1:1: warning: no time servers for web01: no host is a relay; give two or "
            "more hosts 'role: relay', or set 'servers' in 'time'\n"
            "servers.txt: 1 host, 0 groups, 0 relays; 0 errors, 1 warning\n");
  EXPECT_EQ(Run({"check", "--strict"}).exit_code, kUsage);
}

TEST_F(InventoryCommand, CheckForProgramsCountsAndLists) {
  Write("servers.txt", "web01:0\n");
  const Ran ran = Run({"check", "-o", "json"});
  EXPECT_EQ(ran.exit_code, kUsage);
  const auto report = nlohmann::json::parse(ran.out);
  EXPECT_EQ(report["errors"], 1);
  EXPECT_EQ(report["diagnostics"][0]["line"], 1);
  EXPECT_EQ(report["diagnostics"][0]["column"], 7);
  EXPECT_EQ(report["diagnostics"][0]["what"], "this is not a port");
}

TEST_F(InventoryCommand, AFileWithPasswordsThatOthersMayReadEndsWithTwo) {
  Write("servers.txt", "ops s3cret web01\n", 0644);
  const Ran refused = Run({"list"});
  EXPECT_EQ(refused.exit_code, kUsage);
  EXPECT_EQ(refused.out, "");
  EXPECT_EQ(refused.err.find("s3cret"), std::string::npos);
  EXPECT_EQ(Run({"list", "--allow-readable-passwords"}).exit_code, kAllWell);
}

TEST_F(InventoryCommand, AMissingFileEndsWithTwo) {
  const Ran ran = Run({"check", "-i", "none.yaml"});
  EXPECT_EQ(ran.exit_code, kUsage);
  EXPECT_EQ(ran.err, "fleetsync: reading none.yaml: No such file or directory\n");
}

}  // namespace
}  // namespace fleetsync::cli
