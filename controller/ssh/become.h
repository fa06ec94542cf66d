#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "controller/ssh/conversation.h"
#include "inventory/inventory.h"

namespace fleetsync::ssh {

// Runs one command as root through sudo or doas. The command says on standard error, in a word that
// nobody can guess, that it has begun: until then everything there is sudo's. So a password is sent
// only when sudo asks for it, the command's input only when the command is there to read it, and a
// host that asks for none never gets the password as data. Pure.
class Become {
 public:
  // `nonce`: letters and digits, different for each command. `has_password`: sudo may ask.
  Become(inventory::Become method, bool has_password, std::string_view nonce);

  // What to run instead of `line`.
  std::string Wrap(std::string_view line) const;

  // Bytes of standard error. Returns what is the command's own.
  std::string OnStandardError(std::string_view bytes);

  // The prompt has come: send the password and a newline, once.
  bool TakeWantsPassword();
  // The command runs and reads its input.
  bool begun() const { return begun_; }
  // sudo asked again: the password was wrong.
  bool refused() const { return refused_; }
  // Input need not wait for begun(): nobody but the command reads it.
  bool input_at_once() const { return !has_password_; }

  // Why the command never began, from what sudo or doas said. `exit` is null when it was refused.
  Failure WhyNot(const Exit* exit, std::string_view user) const;

 private:
  std::string Said() const;
  std::string NextStep(std::string_view said, std::string_view user) const;

  inventory::Become method_;
  bool has_password_;
  std::string prompt_, mark_;
  std::string before_;   // standard error until the mark
  size_t answered_ = 0;  // prompts seen
  bool begun_ = false, wants_password_ = false, refused_ = false;
};

}  // namespace fleetsync::ssh
