#include "controller/ui/keys.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fleetsync::ui {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

KeyPress Named(Key key) { return {.key = key}; }
KeyPress Typed(char32_t c) { return {.character = c}; }

TEST(KeyReader, Characters) {
  KeyReader reader;
  EXPECT_THAT(reader.Take("qß"), ElementsAre(Typed(U'q'), Typed(U'ß')));
  EXPECT_THAT(reader.Take("\r\x7f\x01"), ElementsAre(Named(Key::kEnter), Named(Key::kBackspace)))
      << "other control characters are nothing";
}

TEST(KeyReader, SequencesOfBothModes) {
  KeyReader reader;
  EXPECT_THAT(reader.Take("\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[H\x1b[4~"),
              ElementsAre(Named(Key::kUp), Named(Key::kDown), Named(Key::kPageUp),
                          Named(Key::kPageDown), Named(Key::kHome), Named(Key::kEnd)));
  EXPECT_THAT(reader.Take("\x1b[1;5C"), IsEmpty()) << "unknown ones are left out whole";
}

TEST(KeyReader, ASequenceMayComeInPieces) {
  KeyReader reader;
  EXPECT_THAT(reader.Take("\x1b"), IsEmpty());
  EXPECT_TRUE(reader.waiting());
  EXPECT_THAT(reader.Take("["), IsEmpty());
  EXPECT_THAT(reader.Take("A"), ElementsAre(Named(Key::kUp)));
  EXPECT_FALSE(reader.waiting());
}

TEST(KeyReader, AnEscapeAloneIsAKey) {
  KeyReader reader;
  EXPECT_THAT(reader.Take("\x1b"), IsEmpty());
  EXPECT_EQ(reader.GiveUpWaiting(), Named(Key::kEscape));
  EXPECT_EQ(reader.GiveUpWaiting(), std::nullopt);
  EXPECT_THAT(reader.Take("\x1bq"), ElementsAre(Named(Key::kEscape), Typed(U'q')));
}

}  // namespace
}  // namespace fleetsync::ui
