#pragma once

#include <map>
#include <string>
#include <vector>

namespace fleetsync::deploy {

// A temporary folder that install.sh takes for a host's root, with a systemctl, an id and a useradd
// that keep their state there. Its other commands are real, and any of them can be made to fail or
// to be where the shell is killed.
class FakeRoot {
 public:
  FakeRoot();
  ~FakeRoot();
  FakeRoot(const FakeRoot&) = delete;
  FakeRoot& operator=(const FakeRoot&) = delete;

  enum class Fault { kNone, kFail, kKill };
  struct Ran {
    std::string output;
    int commands = 0;  // that could have failed
  };
  // Runs `script` as it is run on a host, by `shell`, with `input` after it.
  Ran Run(const std::string& shell, const std::string& script, const std::string& input,
          Fault fault = Fault::kNone, int at = 0);

  // Files below the root and what is in them, without those of the fake commands and of the
  // transaction itself; modes before the content, of a longer one its checksum. And the state of
  // services and users: "active" and "enabled" of the agent's, "chrony-active", "user-fleetsync".
  std::map<std::string, std::string> Tree() const;

  void Write(const std::string& path, const std::string& content, unsigned mode);
  std::string Read(const std::string& path) const;
  bool Exists(const std::string& path) const;
  unsigned Mode(const std::string& path) const;  // permissions
  // What systemctl was asked to do since the last Run began, but questions.
  std::vector<std::string> ServiceCalls() const;

 private:
  void WriteCommand(const std::string& name, const std::string& body);

  std::string root_;
};

}  // namespace fleetsync::deploy
