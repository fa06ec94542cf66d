// observe.sh itself, run by the shells that hosts have, on this machine: whatever runs here.
#include <array>
#include <cstdio>
#include <string>

#include "base/text.h"
#include "controller/observe/observation.h"
#include "fmt/format.h"
#include "gmock/gmock.h"

namespace fleetsync::observe {
namespace {

std::string RunBy(const std::string& shell, std::string_view script) {
  const std::string path = fmt::format("{}/observe-script-{}", testing::TempDir(), getpid());
  std::FILE* file = std::fopen(path.c_str(), "w");
  std::fwrite(script.data(), 1, script.size(), file);
  std::fclose(file);
  std::FILE* pipe = popen(fmt::format("{} -s <{} 2>&1", shell, ShellQuote(path)).c_str(), "r");
  std::string output;
  std::array<char, 4096> buffer{};
  for (size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), size);
  pclose(pipe);
  std::remove(path.c_str());
  return output;
}

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
