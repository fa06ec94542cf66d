#include "controller/observe/observation.h"

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/controller/observe/fixture.h"

namespace fleetsync::observe {
namespace {

using std::chrono::nanoseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Script(const std::string& body) {
  return "\nfleetsync-observe 1 begin\n" + body + "fleetsync-observe 1 end\n";
}
std::string Ask(const std::string& question, const std::string& answer, int code = 0) {
  return fmt::format("@ask {}\n{}\n@end {}\n", question, answer, code);
}
std::string Chrony() {
  return "@daemon chrony\n" + Ask("chrony-tracking", Fixture("chrony-4.3-tracking.csv")) +
         Ask("chrony-sources", Fixture("chrony-4.3-sources.csv"));
}

TEST(Observation, OneDaemonIsReadFromBothOfItsAnswers) {
  const auto observation = ParseObservation(Script(Chrony()));
  ASSERT_TRUE(observation.ok()) << observation.status();
  EXPECT_EQ(observation->state.daemon, "chrony");
  EXPECT_TRUE(observation->state.answered);
  EXPECT_EQ(observation->state.offset, nanoseconds(16'186'476));
  EXPECT_EQ(observation->state.sources.size(), 6U);
  EXPECT_THAT(observation->others, IsEmpty());
}

TEST(Observation, AHostWithoutADaemonIsNoError) {
  const auto observation = ParseObservation(Script(""));
  ASSERT_TRUE(observation.ok()) << observation.status();
  EXPECT_EQ(observation->state.daemon, "");
  EXPECT_FALSE(observation->state.answered);
}

TEST(Observation, ADaemonThatDoesNotAnswerSaysWhatItsClientSaid) {
  const auto observation = ParseObservation(
      Script("@daemon chrony\n" + Ask("chrony-tracking", "506 Cannot talk to daemon\n", 1)));
  ASSERT_TRUE(observation.ok());
  EXPECT_EQ(observation->state.daemon, "chrony");
  EXPECT_FALSE(observation->state.answered);
  EXPECT_EQ(observation->state.trouble, "506 Cannot talk to daemon");
}

TEST(Observation, OfTwoDaemonsTheSynchronisedOneCountsAndTheOtherIsNamed) {
  const auto observation = ParseObservation(
      Script("@daemon chrony\n" +
             Ask("chrony-tracking", Fixture("chrony-4.3-unsynchronised-tracking.csv")) +
             "@daemon ntp\n" + Ask("ntp-variables", Fixture("ntp-4.2.8-rv.txt")) +
             Ask("ntp-peers", Fixture("ntp-4.2.8-peers.txt"))));
  ASSERT_TRUE(observation.ok());
  EXPECT_EQ(observation->state.daemon, "ntp");
  EXPECT_THAT(observation->others, ElementsAre("chrony"));
}

TEST(Observation, ABannerBeforeItIsSkipped) {
  const auto observation = ParseObservation("Welcome!\nfleetsync-observe\n" + Script(Chrony()));
  ASSERT_TRUE(observation.ok());
  EXPECT_EQ(observation->state.daemon, "chrony");
}

TEST(Observation, CutOffOrForeignOutputIsDataLoss) {
  const std::string whole = Script(Chrony());
  const auto cut = ParseObservation(whole.substr(0, whole.size() - 5));
  EXPECT_EQ(cut.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(cut.status()), HasSubstr("cut off"));
  EXPECT_EQ(ParseObservation("This account is not available.\n").status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(Observation, AHostCannotSteerTheTerminalThroughANameOfASource) {
  const auto observation = ParseObservation(
      Script("@daemon chrony\n" + Ask("chrony-tracking", Fixture("chrony-4.3-tracking.csv")) +
             Ask("chrony-sources", "^,*,\x1b]0;owned\x07,2,4,377,8,0.1,0.1,0.1\n")));
  ASSERT_TRUE(observation.ok());
  ASSERT_EQ(observation->state.sources.size(), 1U);
  EXPECT_EQ(observation->state.sources[0].name, "\\x1b]0;owned\\x07");
}

}  // namespace
}  // namespace fleetsync::observe
