#include "proto/ntp/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace fleetsync::ntp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr KeyFileFormat kBoth[] = {KeyFileFormat::kChrony, KeyFileFormat::kNtp};

KeyFile Parsed(std::string_view text, KeyFileFormat format) {
  StatusOr<KeyFile> file = ParseKeyFile(text, format);
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? *std::move(file) : KeyFile();
}

// "7 SHA1 s3cret": how each key was understood.
std::vector<std::string> Keys(const KeyFile& file) {
  std::vector<std::string> all;
  for (const Key& key : file.keys.keys())
    all.push_back(std::to_string(key.id) + " " + std::string(ToString(key.type)) + " " +
                  std::string(key.bytes.Reveal()));
  return all;
}

std::string Error(std::string_view text, KeyFileFormat format) {
  const StatusOr<KeyFile> file = ParseKeyFile(text, format);
  EXPECT_FALSE(file.ok()) << text;
  return file.ok() ? "" : Message(file.status());
}

TEST(KeyFile, OfChronyIsReadInAllItsForms) {
  const KeyFile file = Parsed(
      "# the file of chrony.keys(5)\n"
      "! and\r\n"
      "  % its ; comments\n"
      "\n"
      "1 tulip\n"
      "2 SHA1 ASCII:HEX:00#7\n"
      "3 MD5 HEX:7A7b\n"
      "  4\tSHA256   longer-than-twenty-characters-and-text  \r\n"
      "4294967295 AES128 HEX:30313233343536373839616263646566",
      KeyFileFormat::kChrony);
  EXPECT_THAT(Keys(file), ElementsAre("1 MD5 tulip", "2 SHA1 HEX:00#7", "3 MD5 z{",
                                      "4 SHA256 longer-than-twenty-characters-and-text",
                                      "4294967295 AES128 0123456789abcdef"));
  EXPECT_THAT(file.notes, IsEmpty());
}

TEST(KeyFile, OfNtpIsReadInAllItsForms) {
  const KeyFile file = Parsed(
      "# ntpkey_MD5key_host\n"
      "1 MD5 twenty-characters-20  # a comment\n"
      "2 M s3cret#behind the key\n"
      "3 SHA1 7a7b7a7b7a7b7a7b7a7b7A\n"
      "5 sha256 HEX:7a7b\n"
      "65535 AES128CMAC 30313233343536373839616263646566\n",
      KeyFileFormat::kNtp);
  EXPECT_THAT(Keys(file),
              ElementsAre("1 MD5 twenty-characters-20", "2 MD5 s3cret", "3 SHA1 z{z{z{z{z{z",
                          "5 SHA256 HEX:7a7b", "65535 AES128 0123456789abcdef"));
  EXPECT_THAT(file.notes, IsEmpty());
}

// What controller/render/key_file writes, with this product's names of types.
TEST(KeyFile, OfOursIsReadForEachDaemon) {
  EXPECT_THAT(Keys(Parsed("7 SHA1 HEX:733363726574\n", KeyFileFormat::kChrony)),
              ElementsAre("7 SHA1 s3cret"));
  EXPECT_THAT(Keys(Parsed("7 AES128 HEX:30313233343536373839616263646566\n",  //
                          KeyFileFormat::kChrony)),
              ElementsAre("7 AES128 0123456789abcdef"));
  for (const char* const word : {"AES-128", "AES128CMAC", "AES"})
    EXPECT_THAT(Keys(Parsed("7 " + std::string(word) + " 30313233343536373839616263646566\n",
                            KeyFileFormat::kNtp)),
                ElementsAre("7 AES128 0123456789abcdef"));
}

TEST(KeyFile, AnAesKeyOfNtpIsFilledOrCutAsNtpdDoes) {
  const KeyFile file = Parsed("1 AES s3cret\n2 AES128CMAC 0123456789abcdefghij\n",  //
                              KeyFileFormat::kNtp);
  EXPECT_THAT(Keys(file),
              ElementsAre("1 AES128 s3cret" + std::string(10, '\0'), "2 AES128 0123456789abcdef"));
  EXPECT_THAT(file.notes,
              ElementsAre("line 1: key 1 has 6 bytes; filled with zeros as ntp does (not ntpsec)",
                          "line 2: key 2 has 20 bytes; cut to 16 as ntp and ntpsec do"));
  EXPECT_EQ(Error("1 AES128 s3cret\n", KeyFileFormat::kChrony),
            "line 1: key 1 has 6 bytes; AES128 takes 16");
}

TEST(KeyFile, AKeyOfATypeThatWeHaveNotIsLeftOut) {
  for (const KeyFileFormat format : kBoth) {
    const KeyFile file = Parsed("1 sha512 zzzz\n2 SHA1 s3cret\n", format);
    EXPECT_THAT(Keys(file), ElementsAre("2 SHA1 s3cret"));
    EXPECT_THAT(file.notes, ElementsAre("line 1: key 1 is left out: SHA512 is not supported"));
  }
}

TEST(KeyFile, AddressesBehindAKeyOfNtpAreNoted) {
  const KeyFile file = Parsed("1 SHA1 s3cret 192.0.2.1,2001:db8::/32 # two\n", KeyFileFormat::kNtp);
  EXPECT_THAT(Keys(file), ElementsAre("1 SHA1 s3cret"));
  EXPECT_THAT(file.notes, ElementsAre("line 1: key 1 is taken from every address"));
}

TEST(KeyFile, ErrorsNameLineAndCause) {
  struct Case {
    KeyFileFormat format;
    std::string_view line, error;
  };
  constexpr KeyFileFormat kChrony = KeyFileFormat::kChrony, kNtp = KeyFileFormat::kNtp;
  const Case kCases[] = {
      {kChrony, "7", "key 7 is missing behind its number"},
      {kChrony, "7 SHA1 zz zz", "key 7 has more words than number, type and key"},
      {kChrony, "7 zz zz", "key 7 has an unknown type (a blank in the key?)"},
      {kChrony, "7 SHA1 HEX:zzzz", "key 7 holds something else than hexadecimal digits"},
      {kChrony, "7 SHA1 HEX:0x12", "key 7 holds something else than hexadecimal digits"},
      {kChrony, "7 SHA1 HEX:123", "key 7 has an odd number of hexadecimal digits"},
      {kChrony, "7 SHA1 HEX:", "key 7 is empty"},
      {kChrony, "7 ASCII:", "key 7 is empty"},
      {kChrony, "zz SHA1 7", "begins with something else than a key's number, 1 to 4294967295"},
      {kChrony, "0 SHA1 zz", "begins with something else than a key's number, 1 to 4294967295"},
      {kChrony, "4294967296 zz", "begins with something else than a key's number, 1 to 4294967295"},
      {kChrony, "-1 zz", "begins with something else than a key's number, 1 to 4294967295"},
      {kNtp, "65536 MD5 zz", "begins with something else than a key's number, 1 to 65535"},
      {kNtp, "7 zzzz", "key 7 needs number, type and key"},
      {kNtp, "7 MD5 #zz", "key 7 needs number, type and key"},
      {kNtp, "7 MD5 zz zz", "key 7 has more words than number, type, key and addresses"},
      {kNtp, "7 MD5 zz ::1 zz", "key 7 has more words than number, type, key and addresses"},
      {kNtp, "7 ZZ5 zz", "key 7 has an unknown type (a blank in the key?)"},
      {kNtp, "7 SHA1 zzzzzzzzzzzzzzzzzzzzzz", "key 7 holds something else than hexadecimal digits"},
      {kNtp, "7 SHA1 000000000000000000000", "key 7 has an odd number of hexadecimal digits"},
      {kNtp, "7 SHA1 000000000000000000000000000000000000000000000000000000000000000000",
       "key 7 has more than 32 bytes, which ntp and ntpsec read differently"},
  };
  for (const Case& c : kCases) {
    const std::string error = Error("1 MD5 fine\n\n" + std::string(c.line) + "\n", c.format);
    EXPECT_EQ(error, "line 3: " + std::string(c.error)) << c.line;
    EXPECT_THAT(error, Not(HasSubstr("zz")));
  }
}

TEST(KeyFile, ANumberThatIsThereTwiceIsAnError) {
  for (const KeyFileFormat format : kBoth)
    EXPECT_EQ(Error("7 MD5 one\n8 MD5 two\n7 MD5 three\n", format), "line 3: key 7 is there twice");
}

TEST(KeyFile, OfNothingHasNoKeys) {
  for (const KeyFileFormat format : kBoth)
    for (const char* const text : {"", "\n", "# none\n\n"})
      EXPECT_THAT(Keys(Parsed(text, format)), IsEmpty());
}

}  // namespace
}  // namespace fleetsync::ntp
