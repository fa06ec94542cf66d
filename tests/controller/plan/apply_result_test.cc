#include "controller/plan/apply_result.h"

#include <gtest/gtest.h>

namespace fleetsync::plan {
namespace {

using Outcome = ApplyResult::Outcome;
using Undo = ApplyResult::Undo;

TEST(ApplyResult, ReadsSuccessBetweenABannersLines) {
  const ApplyResult result = ParseApplyResult(
      "Welcome to web07!\n@fleetsync stage lock\n@fleetsync recovered run0\n"
      "@fleetsync stage commit\nnoise\n@fleetsync done run1\n");
  EXPECT_EQ(result.outcome, Outcome::kDone);
  EXPECT_EQ(result.stage, "commit");
  EXPECT_EQ(result.recovered, "run0");
}

TEST(ApplyResult, ReadsFailureAndUndo) {
  ApplyResult result = ParseApplyResult(
      "@fleetsync stage stage\n@fleetsync failed stage cat: No space left on device\n"
      "cat: noise\n@fleetsync undone \n");
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.stage, "stage");
  EXPECT_EQ(result.why, "cat: No space left on device");
  EXPECT_EQ(result.undo, Undo::kDone);
  result = ParseApplyResult("@fleetsync failed lock busy\n@fleetsync untouched\n");
  EXPECT_EQ(result.undo, Undo::kNotNeeded);
  result = ParseApplyResult("@fleetsync failed swap x\n@fleetsync undo-failed cannot write\n");
  EXPECT_EQ(result.undo, Undo::kFailed);
  EXPECT_EQ(result.undo_problem, "cannot write");
  result = ParseApplyResult("@fleetsync failed verify x\n@fleetsync undone chrony does not run\n");
  EXPECT_EQ(result.undo, Undo::kFailed);
  EXPECT_EQ(result.undo_problem, "chrony does not run");
}

TEST(ApplyResult, OutputThatIsCutOffIsNeitherSuccessNorFailure) {
  for (const char* output : {"", "sudo: a password is required\n", "@fleetsync stage swap\n",
                             "@fleetsync", "@fleetsync \n", "x @fleetsync done r\n"}) {
    EXPECT_EQ(ParseApplyResult(output).outcome, Outcome::kCut) << output;
    EXPECT_EQ(ParseApplyResult(output).undo, Undo::kUnknown) << output;
  }
  EXPECT_EQ(ParseApplyResult("@fleetsync stage lock\n@fleetsync stage swap\n").stage, "swap");
}

TEST(ApplyResult, AHostsWordsArePrintable) {
  EXPECT_EQ(ParseApplyResult("@fleetsync failed stage \x1b[2Jx\r\n").why, "\\x1b[2Jx");
}

}  // namespace
}  // namespace fleetsync::plan
