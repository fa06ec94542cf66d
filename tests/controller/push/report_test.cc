#include "controller/push/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>

#include "nlohmann/json.hpp"

namespace fleetsync::push {
namespace {

using testing::HasSubstr;

class Results {
 public:
  PushResult& Add(const std::string& name, Outcome outcome) {
    inventory::Host& host = hosts_.emplace_back();
    host.name = name;
    HostResult& entry = results.emplace_back();
    entry.host = &host;
    entry.result.outcome = outcome;
    entry.result.round_trips = 1;
    return entry.result;
  }
  void AddWithPlan(const std::string& name, Outcome outcome, const std::string& before) {
    plan::PutFile put{.path = "/etc/chrony/chrony.conf",
                      .before = before,
                      .after = "server a\n",
                      .check_program = {}};
    plan::SetService set{
        .service = "chrony", .program = "chronyd", .run = plan::SetService::Run::kRestarted};
    Add(name, outcome).plan = {.host = name,
                               .changes = {{put, "the policy changed"}, {set, "its file changes"}},
                               .notes = {},
                               .edited_files = {}};
  }

  std::vector<HostResult> results;

 private:
  std::list<inventory::Host> hosts_;
};

TEST(Report, HostsThatSayTheSameAreFolded) {
  Results run;
  for (int i = 1; i <= 38; ++i)
    run.AddWithPlan("web" + std::string(i < 10 ? "0" : "") + std::to_string(i), Outcome::kChanged,
                    "server b\n");
  run.Add("ntp1", Outcome::kUnchanged);
  run.Add("ntp2", Outcome::kUnchanged);
  PushResult& failed = run.Add("web39", Outcome::kFailed);
  failed.stage = "validate";
  failed.why = "chronyd refuses the file; nothing was touched";
  failed.next_step = "change the policy";
  EXPECT_EQ(ToText(run.results, {}),
            "web[01-38]: changed (chrony.conf, restarted chrony)\n"
            "ntp[1-2]: unchanged\n"
            "web39: failed at validate: chronyd refuses the file; nothing was touched; change the "
            "policy\n"
            "41 hosts: 38 changed, 2 unchanged, 1 failed\n");
}

TEST(Report, TheSameDiffIsShownOnce) {
  Results run;
  run.AddWithPlan("web1", Outcome::kPending, "server b\n");
  run.AddWithPlan("web2", Outcome::kPending, "server b\n");
  run.AddWithPlan("web3", Outcome::kPending, "server c\n");
  EXPECT_EQ(ToText(run.results, {.check = true, .diff = true}),
            "web[1-2]: would change (chrony.conf, restart chrony)\n"
            "/etc/chrony/chrony.conf: the policy changed\n"
            "--- /etc/chrony/chrony.conf\n"
            "+++ /etc/chrony/chrony.conf\n"
            "@@ -1 +1 @@\n"
            "-server b\n"
            "+server a\n"
            "restart chrony: its file changes\n"
            "web3: would change (chrony.conf, restart chrony)\n"
            "/etc/chrony/chrony.conf: the policy changed\n"
            "--- /etc/chrony/chrony.conf\n"
            "+++ /etc/chrony/chrony.conf\n"
            "@@ -1 +1 @@\n"
            "-server c\n"
            "+server a\n"
            "restart chrony: its file changes\n"
            "3 hosts: 3 would change\n");
}

TEST(Report, WhatWasBrokenOffAndUndoneIsSaid) {
  Results run;
  run.Add("web1", Outcome::kChanged).recovered = "run0";
  EXPECT_EQ(ToText(run.results, {}),
            "web1: changed; an earlier push that was broken off (run0) was undone first\n"
            "1 host: 1 changed\n");
}

TEST(Report, JsonCarriesRoundTripsChangesAndReasons) {
  Results run;
  run.Add("ntp1", Outcome::kUnchanged);
  run.AddWithPlan("web1", Outcome::kChanged, "server \xff\n");
  PushResult& failed = run.Add("web2", Outcome::kFailed);
  failed.stage = "swap";
  failed.why = "mv: Read-only file system";
  failed.undo = plan::ApplyResult::Undo::kDone;
  const auto json = nlohmann::json::parse(ToJson(run.results, {.diff = true}, "run1"));
  EXPECT_EQ(json["run"], "run1");
  EXPECT_EQ(json["check"], false);
  EXPECT_EQ(json["hosts"][0]["outcome"], "unchanged");
  EXPECT_EQ(json["hosts"][0]["round_trips"], 1);
  EXPECT_EQ(json["hosts"][1]["changes"][0]["path"], "/etc/chrony/chrony.conf");
  EXPECT_THAT(json["hosts"][1]["changes"][0]["diff"], HasSubstr("+server a\n"));
  EXPECT_EQ(json["hosts"][1]["changes"][1]["action"], "restart");
  EXPECT_EQ(json["hosts"][1]["changes"][1]["because"], "its file changes");
  EXPECT_EQ(json["hosts"][2]["stage"], "swap");
  EXPECT_EQ(json["hosts"][2]["undo"], "done");
  EXPECT_EQ(json["summary"]["failed"], 1);
  EXPECT_EQ(json["summary"]["skipped"], 0);
}

}  // namespace
}  // namespace fleetsync::push
