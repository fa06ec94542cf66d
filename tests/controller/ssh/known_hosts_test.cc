#include "controller/ssh/known_hosts.h"

#include <sys/stat.h>

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/controller/ssh/sshd.h"

namespace fleetsync::ssh {
namespace {

using testing::ElementsAre;
using Verdict = KnownHosts::Verdict;

const HostKey kEd25519{"ssh-ed25519",
                       "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"};
const HostKey kOther{"ssh-ed25519",
                     "AAAAC3NzaC1lZDI1NTE5AAAAIKoIbjtsGaZVhJhc3JGbUPSNOWIzXlGSzPHqDOZJFwhB"};
const HostKey kRsa{"ssh-rsa", "AAAAB3NzaC1yc2EAAAADAQABAAAAQQDa"};

std::string Text(const HostKey& key) { return key.type + " " + key.base64; }

struct Case {
  const char* name;
  std::string file;
  std::string host;
  int port;
  Verdict expected;
};

TEST(KnownHosts, EveryFormOfALineIsReadAsSshReadsIt) {
  const std::string key = Text(kEd25519);
  // HMAC-SHA1 of "example.org" with the salt 0123456789abcdef0123, base64; made by hand with
  // openssl.
  const std::string hashed = "|1|MDEyMzQ1Njc4OWFiY2RlZjAxMjM=|q+KmL4V71f3tctOxESQysPpumvk=";
  const std::vector<Case> cases{
      {"a plain name", "web01 " + key, "web01", 22, Verdict::kKnown},
      {"letters of either case", "WEB01 " + key, "web01", 22, Verdict::kKnown},
      {"asked for in capitals", "web01 " + key, "WEB01", 22, Verdict::kKnown},
      {"the second of a list", "web01,10.0.0.1 " + key, "10.0.0.1", 22, Verdict::kKnown},
      {"a comment after the key", "web01 " + key + " root@web01", "web01", 22, Verdict::kKnown},
      {"tabs and a carriage return", "web01\t" + key + "\r", "web01", 22, Verdict::kKnown},
      {"another name", "web01 " + key, "web02", 22, Verdict::kUnknown},
      {"a prefix is not the name", "web01 " + key, "web0", 22, Verdict::kUnknown},
      {"a port", "[web01]:2222 " + key, "web01", 2222, Verdict::kKnown},
      {"another port", "[web01]:2222 " + key, "web01", 2223, Verdict::kUnknown},
      {"a port's entry does not vouch for 22", "[web01]:2222 " + key, "web01", 22,
       Verdict::kUnknown},
      {"an entry without a port vouches for all", "web01 " + key, "web01", 2222, Verdict::kKnown},
      {"but another key without a port says nothing", "web01 " + Text(kOther), "web01", 2222,
       Verdict::kUnknown},
      {"a star", "web* " + key, "web01", 22, Verdict::kKnown},
      {"a question mark", "web0? " + key, "web01", 22, Verdict::kKnown},
      {"a question mark is one letter", "web? " + key, "web01", 22, Verdict::kUnknown},
      {"an exception", "web*,!web01 " + key, "web01", 22, Verdict::kUnknown},
      {"an exception for others", "web*,!web02 " + key, "web01", 22, Verdict::kKnown},
      {"a hashed name", hashed + " " + key, "example.org", 22, Verdict::kKnown},
      {"a hashed name of another", hashed + " " + key, "example.com", 22, Verdict::kUnknown},
      {"a comment line", "# web01 " + key, "web01", 22, Verdict::kUnknown},
      {"a changed key", "web01 " + Text(kOther), "web01", 22, Verdict::kChanged},
      {"two keys of a type, one right", "web01 " + Text(kOther) + "\nweb01 " + key, "web01", 22,
       Verdict::kKnown},
      {"known by another type alone", "web01 " + Text(kRsa), "web01", 22, Verdict::kChanged},
      {"revoked", "@revoked web01 " + key, "web01", 22, Verdict::kRevoked},
      {"revoked after it was known", "web01 " + key + "\n@revoked * " + key, "web01", 22,
       Verdict::kRevoked},
      {"another key revoked", "web01 " + key + "\n@revoked web01 " + Text(kOther), "web01", 22,
       Verdict::kKnown},
      {"an authority knows no key", "@cert-authority * " + key, "web01", 22, Verdict::kUnknown},
      {"an unknown marker", "@wonder web01 " + key, "web01", 22, Verdict::kUnknown},
      {"a line cut off", "web01 ssh-ed25519", "web01", 22, Verdict::kUnknown},
      {"bytes that are no key", "web01 ssh-ed25519 !!!!", "web01", 22, Verdict::kUnknown},
      {"a bad hash", "|1|AAAA|AAAA " + key, "web01", 22, Verdict::kUnknown},
  };
  for (const Case& c : cases) {
    KnownHosts known;
    known.Parse(c.file, "file");
    EXPECT_EQ(known.Check(c.host, c.port, kEd25519).verdict, c.expected) << c.name;
  }
}

TEST(KnownHosts, AnAnswerNamesTheLineThatDecided) {
  KnownHosts known;
  known.Parse("# head\n\nweb01 " + Text(kOther) + "\n", "/etc/ssh/ssh_known_hosts");
  const KnownHosts::Answer answer = known.Check("web01", 22, kEd25519);
  EXPECT_EQ(answer.where, "/etc/ssh/ssh_known_hosts:3");
  EXPECT_EQ(answer.known, kOther);
}

TEST(KnownHosts, TypesComeInTheOrderOfTheFilesWithoutRevokedOnes) {
  KnownHosts known;
  known.Parse("web01 " + Text(kRsa) + "\n@revoked web01 " + Text(kOther), "a");
  EXPECT_THAT(known.KeyTypes("web01", 22), ElementsAre("ssh-rsa"));
  known.Parse("web01 " + Text(kEd25519), "b");
  EXPECT_THAT(known.KeyTypes("web01", 22), ElementsAre("ssh-rsa", "ssh-ed25519"));
  EXPECT_THAT(known.KeyTypes("web01", 2222), ElementsAre("ssh-rsa", "ssh-ed25519"));
}

TEST(KnownHosts, AKeyThatWasAddedIsKnown) {
  KnownHosts known;
  EXPECT_EQ(known.Check("Web01", 2222, kEd25519).verdict, Verdict::kUnknown);
  known.Add("Web01", 2222, kEd25519);
  EXPECT_EQ(known.Check("web01", 2222, kEd25519).verdict, Verdict::kKnown);
}

TEST(KnownHosts, AMissingFileIsAnEmptyOne) {
  const TemporaryFolder folder;
  KnownHosts known;
  EXPECT_TRUE(known.Load(folder.Path("none")).ok());
}

TEST(KnownHosts, FingerprintsAreThoseOfSshKeygen) {
  EXPECT_EQ(Fingerprint(kEd25519), "ED25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
  EXPECT_EQ(Fingerprint({"ssh-dss", "not base64"}), "ssh-dss (not a key)");
}

TEST(AppendKnownHost, MakesTheFileAndItsFolderForTheOwnerAlone) {
  const TemporaryFolder folder;
  const std::string file = folder.Path("new/known_hosts");
  ASSERT_TRUE(AppendKnownHost(file, "Web01", 2222, kEd25519).ok());
  EXPECT_EQ(ReadText(file), "[web01]:2222 " + Text(kEd25519) + "\n");
  struct stat info {};
  ASSERT_EQ(stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST(AppendKnownHost, ManyAtOnceLoseNoLine) {
  const TemporaryFolder folder;
  const std::string file = folder.Path("known_hosts");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&file, i] {
      for (int j = 0; j < 20; ++j)
        EXPECT_TRUE(AppendKnownHost(file, "web" + std::to_string(i), 1000 + j, kEd25519).ok());
    });
  for (std::thread& thread : threads) thread.join();
  KnownHosts known;
  ASSERT_TRUE(known.Load(file).ok());
  for (int i = 0; i < 8; ++i)
    for (int j = 0; j < 20; ++j)
      EXPECT_EQ(known.Check("web" + std::to_string(i), 1000 + j, kEd25519).verdict,
                Verdict::kKnown);
}

TEST(AppendKnownHost, AFileThatCannotBeWrittenIsTold) {
  const Status status = AppendKnownHost("/proc/known_hosts", "web01", 22, kEd25519);
  EXPECT_EQ(Message(status), "adding a host key to /proc/known_hosts: No such file or directory");
}

}  // namespace
}  // namespace fleetsync::ssh
