#include <gtest/gtest.h>

#include "controller/plan/plan.h"
#include "tests/controller/render/samples.h"

namespace fleetsync::plan {
namespace {

HostPlan Sample(const std::string& before, bool enable) {
  PutFile put{.path = "/etc/chrony/chrony.conf",
              .before = before,
              .after = "server a\n",
              .check_program = {}};
  SetService set{.service = "chrony",
                 .program = "chronyd",
                 .run = SetService::Run::kRestarted,
                 .boot = enable ? SetService::Boot::kEnabled : SetService::Boot::kLeft};
  return {.host = "web07",
          .changes = {{put, "the policy changed"}, {set, "its file changes"}},
          .notes = {"said"}};
}

TEST(PlanText, SummaryNamesFilesAndServices) {
  EXPECT_EQ(Summary(Sample("", false), Tense::kPlanned), "chrony.conf, restart chrony");
  EXPECT_EQ(Summary(Sample("", true), Tense::kDone), "chrony.conf, enabled and restarted chrony");
}

TEST(PlanText, ShowsEachChangeItsReasonAndTheDiff) {
  EXPECT_EQ(ToText(Sample("server b\n", false)),
            "/etc/chrony/chrony.conf: the policy changed\n"
            "--- /etc/chrony/chrony.conf\n"
            "+++ /etc/chrony/chrony.conf\n"
            "@@ -1 +1 @@\n"
            "-server b\n"
            "+server a\n"
            "restart chrony: its file changes\n"
            "note: said\n");
  EXPECT_EQ(ToText({}), "");
}

TEST(PlanText, AHostsFileCannotSteerTheTerminal) {
  EXPECT_EQ(ToText(Sample("\x1b[2Jserver b\n", false)).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace fleetsync::plan
