// observe.sh itself, run by the shells that hosts have, on this machine: whatever runs here.
#include <string>

#include "base/text.h"
#include "controller/observe/observation.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/controller/run_by.h"

namespace fleetsync::observe {
namespace {

class ObserveScriptTest : public testing::TestWithParam<const char*> {};

TEST_P(ObserveScriptTest, ItsOutputIsWhatTheParserReads) {
  const std::string output = RunBy(GetParam(), ObserveScript());
  EXPECT_TRUE(ParseObservation(output).ok()) << output;
}

TEST_P(ObserveScriptTest, AScriptThatIsCutOffDoesNothing) {
  const std::string_view script = ObserveScript();
  const std::string output = RunBy(GetParam(), script.substr(0, script.size() - 30));
  EXPECT_EQ(output.find("fleetsync-observe 1"), std::string::npos) << output;
}

INSTANTIATE_TEST_SUITE_P(Shells, ObserveScriptTest, testing::Values("dash", "busybox sh"),
                         [](const auto& shell) {
                           return std::string(shell.param) == "dash" ? "dash" : "busybox";
                         });

}  // namespace
}  // namespace fleetsync::observe
