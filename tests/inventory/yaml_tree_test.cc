#include "inventory/yaml_tree.h"

#include <optional>
#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string Where(const YamlNode& node) { return ToString(node.origin); }

TEST(YamlTree, KnowsThePlaceOfEveryKeyAndValueInCharacters) {
  Diagnostics diagnostics;
  const std::optional<YamlNode> root =
      ParseYaml("# ä\ntime:\n  'ü': [a, é, b]\n  x:\n", "f", diagnostics);
  EXPECT_THAT(Texts(diagnostics), IsEmpty());
  ASSERT_TRUE(root);
  ASSERT_EQ(root->kind, YamlNode::Kind::kMapping);
  EXPECT_EQ(Where(root->items.at(0)), "f:2:1");
  const YamlNode& time = root->items.at(1);
  EXPECT_EQ(Where(time.items.at(0)), "f:3:3");
  const YamlNode& list = time.items.at(1);
  EXPECT_EQ(Where(list), "f:3:8");
  EXPECT_EQ(Where(list.items.at(1)), "f:3:12");
  EXPECT_EQ(Where(list.items.at(2)), "f:3:15");
  EXPECT_EQ(time.items.at(3).kind, YamlNode::Kind::kNull);
}

TEST(YamlTree, OfAFileWithoutContentIsNothing) {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n", "\xef\xbb\xbf"}) {
    Diagnostics diagnostics;
    const std::optional<YamlNode> root = ParseYaml(text, "f", diagnostics);
    ASSERT_TRUE(root) << text;
    EXPECT_EQ(root->kind, YamlNode::Kind::kNull) << text;
    EXPECT_THAT(Texts(diagnostics), IsEmpty()) << text;
  }
}

TEST(YamlTree, OfAFileWithWindowsLineEndsIsTheSame) {
  Diagnostics diagnostics;
  const std::optional<YamlNode> root = ParseYaml("a: x\r\nb:\r\n- y\r\n", "f", diagnostics);
  EXPECT_THAT(Texts(diagnostics), IsEmpty());
  ASSERT_TRUE(root);
  EXPECT_EQ(root->items.at(1).text, "x");
  EXPECT_EQ(root->items.at(3).items.at(0).text, "y");
}

TEST(YamlTree, OfASharedFileIsOpaqueWhereAnInventoryHasNoNeedOfIt) {
  using Kind = YamlNode::Kind;
  Diagnostics diagnostics;
  const std::optional<YamlNode> root = ParseYaml(
      "a: &x 1\nb: *x\nc: !vault y\nd: !z [1]\n? [k]\n: v\ne: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n"
      "f: w\n",
      "f", diagnostics, YamlFile::kShared);
  EXPECT_THAT(Texts(diagnostics), IsEmpty());
  ASSERT_TRUE(root);
  EXPECT_EQ(root->items.at(1).text, "1");
  for (const size_t value : {3, 5, 7}) EXPECT_EQ(root->items.at(value).kind, Kind::kOpaque);
  EXPECT_EQ(root->items.at(8).kind, Kind::kSequence) << "a key that is not text";
  const YamlNode* deepest = &root->items.at(11);
  while (deepest->kind == Kind::kSequence) deepest = &deepest->items.at(0);
  EXPECT_EQ(deepest->kind, Kind::kOpaque);
  EXPECT_EQ(root->items.at(13).text, "w") << "what follows is read";
}

struct BadCase {
  std::string_view text, error;
};
class BadYaml : public ::testing::TestWithParam<BadCase> {};

TEST_P(BadYaml, IsRefusedWithPlaceAndHint) {
  Diagnostics diagnostics;
  EXPECT_FALSE(ParseYaml(GetParam().text, "f", diagnostics));
  EXPECT_THAT(Texts(diagnostics), ElementsAre(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Corners, BadYaml,
    ::testing::Values(
        BadCase{
            "a: [1, 2\nb: 3\n",
            "f:2:2: this is not YAML: end of sequence flow not found; check brackets, quotes and "
            "indentation (no tabs) here and on the line above"},
        BadCase{"a:\n\t- b\n",
                "f:2:2: this is not YAML: illegal block entry; check brackets, quotes and "
                "indentation (no tabs) here and on the line above"},
        BadCase{"a: *web\n",
                "f:1:4: this is not YAML: the referenced anchor is not defined; quote text that "
                "begins with '*' or '&', such as \"web*\""},
        BadCase{"a: &x 1\nb: *x\n",
                "f:2:4: aliases are not supported; write the value out, or set "
                "it in a group; quote text that begins with '*'"},
        BadCase{"a: !vault x\n",
                "f:1:4: tags are not supported; write the value without the word "
                "that begins with '!'"},
        BadCase{"a: 1\n---\nb: 1\n",
                "f:1:1: more than one YAML document; keep everything in one, without '---' "
                "between"},
        BadCase{"[a]: 1\n",
                "f:1:1: a key that is not text; write KEY: VALUE; quote text that "
                "begins with '[', '{' or '*'"},
        BadCase{"a: {~: 1}\n",
                "f:1:5: a key that is not text; write KEY: VALUE; quote text that "
                "begins with '[', '{' or '*'"},
        BadCase{"a: \"x\x1b\"\n",
                "f:1:6: a control character, or a byte that is not UTF-8; save "
                "the file as plain UTF-8 text"},
        BadCase{"a: 1\nb: x\x01\r\n",
                "f:2:5: a control character, or a byte that is not UTF-8; "
                "save the file as plain UTF-8 text"},
        BadCase{"a: 1\nb: \xe4\n",
                "f:2:4: a control character, or a byte that is not UTF-8; save "
                "the file as plain UTF-8 text"}));

TEST(BadYaml, OfAThousandLevelsIsRefusedAtTheSeventeenth) {
  Diagnostics diagnostics;
  const std::string text = std::string(300, '[') + std::string(300, ']');
  EXPECT_FALSE(ParseYaml(text, "f", diagnostics));
  EXPECT_THAT(Texts(diagnostics),
              ElementsAre("f:1:17: more than 16 levels; an inventory has no such depth; check the "
                          "brackets and the indentation"));
}

TEST(BadYaml, OfAnyDepthEndsInAnErrorNotInACrash) {
  for (const char* open : {"[", "{a: ", "- "}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += open;
    Diagnostics diagnostics;
    EXPECT_FALSE(ParseYaml(text, "f", diagnostics));
    EXPECT_TRUE(HasErrors(diagnostics));
  }
}

TEST(BadYaml, WithManyAliasesIsNotUnfolded) {
  std::string text = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i)
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            ", *a" + std::to_string(i - 1) + "]\n";
  Diagnostics diagnostics;
  EXPECT_FALSE(ParseYaml(text, "f", diagnostics));
  EXPECT_EQ(diagnostics.size(), 2U * 59);
}

TEST(BadYaml, NeverRepeatsTheNameOfAnUnknownAlias) {
  Diagnostics diagnostics;
  EXPECT_FALSE(ParseYaml("password: *hunter2\n", "f", diagnostics));
  ASSERT_EQ(diagnostics.size(), 1U);
  EXPECT_EQ(ToString(diagnostics[0]).find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace fleetsync::inventory
