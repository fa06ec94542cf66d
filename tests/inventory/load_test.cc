#include "inventory/load.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/inventory/texts.h"

namespace fleetsync::inventory {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

class LoadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "fleetsync_load.XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    fs::remove_all(folder_);
    setenv("HOME", home_.c_str(), 1);
  }

  std::string Write(const std::string& name, std::string_view text, unsigned mode = 0600) const {
    const std::string path = folder_ + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
    fs::permissions(path, static_cast<fs::perms>(mode));
    return path;
  }

  std::string folder_;

 private:
  const std::string home_ = getenv("HOME") == nullptr ? "/" : getenv("HOME");
};

Loaded Must(StatusOr<Loaded> loaded) {
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  return loaded.ok() ? *std::move(loaded) : Loaded();
}

struct FormatCase {
  std::string name, text;
  size_t hosts;
};

TEST_F(LoadTest, TellsTheFormatsApart) {
  for (const FormatCase& c : {
           FormatCase{"fleet.yaml", "hosts: [a, b]\n", 2},
           FormatCase{"fleet.yml", "{hosts: [a, b]}\n", 2},
           FormatCase{"hosts", "# mine\n\nhosts:\n- a\n", 1},
           FormatCase{"hosts", "---\nhosts: [a]\n", 1},
           FormatCase{"hosts", "\xef\xbb\xbfhosts: [a]\n", 1},
           FormatCase{"hosts.yml", "all: {hosts: {a: , b: }}\n", 2},
           FormatCase{"hosts", "web:\n  hosts: {a: }\n", 1},
           FormatCase{"hosts", "[web]\na\n", 1},
           FormatCase{"fleet.conf", "# mine\nHost a b\n", 2},
           FormatCase{"config", "Tunnel no\nhost a b\n", 2},
           FormatCase{"servers.txt", "a:22\nb\n", 2},
           FormatCase{"servers.txt", "ops a\n", 1},
           FormatCase{"servers.txt", "2001:db8::1\n", 1},
           FormatCase{"servers.txt", "[2001:db8::1]:22\n", 1},
           FormatCase{"servers.txt", "", 0},
           FormatCase{"servers.txt", "# nobody\n", 0},
       }) {
    const Loaded loaded = Must(Load(Write(c.name, c.text), {}));
    EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty()) << c.text;
    EXPECT_EQ(loaded.inventory.hosts.size(), c.hosts) << c.text;
  }
}

TEST_F(LoadTest, AYamlFileIsReadAsOneWhateverIsInIt) {
  const std::string path = Write("fleet.yaml", "ops web01\n");
  EXPECT_THAT(Texts(Must(Load(path, {})).diagnostics),
              ElementsAre(path + ":1:1: an inventory is a mapping of keys and values, this is "
                                 "text; write defaults, time, groups and hosts, each with ':'"));
}

TEST_F(LoadTest, PasswordsThatOthersMayReadAreRefusedUnlessAllowed) {
  const std::string path = Write("servers.txt", "ops s3cret web01\n", 0640);
  const Loaded refused = Must(Load(path, {}));
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(Texts(refused.diagnostics).front(),
            path + ": others may open this file (mode 0640), and it holds passwords; chmod 600 " +
                path + ", or --allow-readable-passwords");
  EXPECT_TRUE(Must(Load(path, {.allow_readable_passwords = true})).ok());
  fs::permissions(path, static_cast<fs::perms>(0600));
  EXPECT_TRUE(Must(Load(path, {})).ok());
}

TEST_F(LoadTest, ARefusedLineWithAPasswordCountsToo) {
  const Loaded loaded = Must(Load(Write("servers.txt", "ops s3cret we/b\n", 0604), {}));
  ASSERT_EQ(loaded.diagnostics.size(), 2U);
  EXPECT_THAT(ToString(loaded.diagnostics[0]), ::testing::HasSubstr("it holds passwords"));
}

TEST_F(LoadTest, AReadableFileWithoutPasswordsIsWell) {
  EXPECT_THAT(Texts(Must(Load(Write("servers.txt", "ops web01\n", 0644), {})).diagnostics),
              IsEmpty());
}

TEST_F(LoadTest, PathsAreOfTheHomeOrOfTheFilesFolder) {
  ASSERT_EQ(setenv("HOME", "/home/ops", 1), 0);
  const Loaded loaded = Must(Load(Write("fleet.yaml", R"(
hosts:
  a:
    identity: [~/.ssh/id, keys/id, /etc/id]
    known_hosts: known
    password_file: ~/p
    become_password_command: get ~/p
)"),
                                  {}));
  ASSERT_THAT(Texts(loaded.diagnostics), IsEmpty());
  const Connection& connection = loaded.inventory.hosts.at(0).connection;
  EXPECT_THAT(connection.identities,
              ElementsAre("/home/ops/.ssh/id", folder_ + "/keys/id", "/etc/id"));
  EXPECT_THAT(connection.known_hosts, ElementsAre(folder_ + "/known"));
  EXPECT_EQ(connection.password_source->value, "/home/ops/p");
  EXPECT_EQ(connection.become_password_source->value, "get ~/p");
}

TEST_F(LoadTest, WithoutAHomeInTheEnvironmentTheAccountsIsTaken) {
  ASSERT_EQ(unsetenv("HOME"), 0);
  const Loaded loaded = Must(Load(Write("fleet.yaml", "hosts: {a: {identity: ~/id}}\n"), {}));
  EXPECT_THAT(loaded.inventory.hosts.at(0).connection.identities,
              ElementsAre(std::string(getpwuid(geteuid())->pw_dir) + "/id"));
}

TEST_F(LoadTest, VariablesBesideAnAnsibleInventoryAreRead) {
  Write("group_vars/all.yml", "ansible_user: everybody");
  Write("group_vars/web/10-port.yml", "ansible_port: 10");
  Write("group_vars/web/deeper/20-port", "ansible_port: 20");
  Write("group_vars/web/zz-port~", "ansible_port: 30");
  Write("group_vars/web/.40-role.yml", "fleetsync_time_tolerance: 40ms");
  Write("group_vars/web/notes.txt", "ansible_port: 50");
  Write("group_vars/web.yml", "ansible_port: 60");
  Write("host_vars/a.example.yaml", "{fleetsync_role: relay}");
  Write("host_vars/b.example", "ansible_host: 192.0.2.7");
  for (const char* inventory :
       {"[web]\na.example\nb.example\n", "web: {hosts: {a.example: , b.example: }}\n"}) {
    const Loaded loaded = Must(Load(Write("hosts", inventory), {}));
    EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty());
    ASSERT_EQ(loaded.inventory.hosts.size(), 2U);
    const Host &a = loaded.inventory.hosts[0], &b = loaded.inventory.hosts[1];
    EXPECT_EQ(a.connection.user, "everybody");
    EXPECT_EQ(a.connection.port, 20) << "the folder alone, and what is later in it";
    EXPECT_EQ(a.time.tolerance, std::chrono::milliseconds(10)) << "a hidden file";
    EXPECT_EQ(a.role, Role::kRelay);
    EXPECT_EQ(b.connection.address, "192.0.2.7");
  }
  EXPECT_EQ(Must(Load(Write("fleet.yaml", "hosts: [a.example]"), {})).inventory.hosts[0].role,
            Role::kClient)
      << "they are Ansible's alone";
}

TEST_F(LoadTest, MistakesOfFilesBesideTheInventoryAreThoseOfTheInventory) {
  const std::string path = Write("group_vars/web.yml", "a: b\nansible_port: x\n");
  EXPECT_THAT(Texts(Must(Load(Write("hosts", "[web]\na\n"), {})).diagnostics),
              ElementsAre(path + ":2:15: port: 'x' is not a port; write 1 to 65535"));
}

TEST_F(LoadTest, FilesThatAnSshConfigIncludesAreRead) {
  ASSERT_EQ(setenv("HOME", folder_.c_str(), 1), 0);
  Write(".ssh/conf.d/1", "Host b\n");
  Write(".ssh/conf.d/2", "Host c\n");
  Write("mine", "Host d\n");
  Write(".ssh/config", "Include conf.d/* nowhere ~/mine\nHost a\n");
  const Loaded loaded = Must(Load(folder_ + "/.ssh/config", {}));
  EXPECT_THAT(Texts(loaded.diagnostics), IsEmpty());
  std::vector<std::string> names;
  for (const Host& host : loaded.inventory.hosts) names.push_back(host.name);
  EXPECT_THAT(names, ElementsAre("b", "c", "d", "a"));
}

TEST_F(LoadTest, AnSshConfigThatIsTheInventoryIsTheOneThatSshReads) {
  ASSERT_EQ(setenv("HOME", folder_.c_str(), 1), 0);
  const std::string own = Write(".ssh/config", "Host a\n"), other = Write("fleet", "Host a\n");
  EXPECT_EQ(SshConfigOfInventory(other), other);
  EXPECT_EQ(SshConfigOfInventory(own), "") << "ssh reads it anyway, and the system's after it";
  EXPECT_EQ(SshConfigOfInventory(Write("servers.txt", "ops a\n")), "");
  EXPECT_EQ(SshConfigOfInventory(Write("config", "hosts: [a]\n")), "");
  EXPECT_EQ(SshConfigOfInventory(folder_ + "/nowhere"), "");
  EXPECT_EQ(SshConfigOfInventory(folder_), "");
}

TEST_F(LoadTest, FilesThatCannotBeReadAreNamed) {
  EXPECT_EQ(Message(Load(folder_ + "/none.yaml", {}).status()),
            "reading " + folder_ + "/none.yaml: No such file or directory");
  const std::string large = Write("large.txt", std::string((size_t{4} << 20) + 1, '#'));
  EXPECT_EQ(Message(Load(large, {}).status()),
            "reading " + large + ": larger than 4194304 bytes, which no such file should be");
  EXPECT_EQ(Message(Load(folder_, {}).status()), "reading " + folder_ + ": Is a directory");
}

class DefaultPathTest : public LoadTest {
 protected:
  void SetUp() override {
    LoadTest::SetUp();
    old_folder_ = fs::current_path();
    fs::current_path(folder_);
    unsetenv("FLEETSYNC_INVENTORY");
  }
  void TearDown() override {
    unsetenv("FLEETSYNC_INVENTORY");
    fs::current_path(old_folder_);
    LoadTest::TearDown();
  }

 private:
  fs::path old_folder_;
};

TEST_F(DefaultPathTest, IsTheVariableThenTheFilesHere) {
  if (fs::exists("/etc/fleetsync/fleet.yaml")) GTEST_SKIP() << "this machine has an inventory";
  EXPECT_EQ(Message(DefaultPath().status()),
            "no inventory: $FLEETSYNC_INVENTORY is not set, and there is no ./fleet.yaml, "
            "./servers.txt or /etc/fleetsync/fleet.yaml; name one with -i FILE");
  Write("servers.txt", "");
  EXPECT_EQ(*DefaultPath(), "servers.txt");
  Write("fleet.yaml", "");
  EXPECT_EQ(*DefaultPath(), "fleet.yaml");
  ASSERT_EQ(setenv("FLEETSYNC_INVENTORY", "/nowhere", 1), 0);
  EXPECT_EQ(*DefaultPath(), "/nowhere");
}

}  // namespace
}  // namespace fleetsync::inventory
