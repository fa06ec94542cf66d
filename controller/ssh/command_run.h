#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "controller/ssh/become.h"
#include "controller/ssh/conversation.h"
#include "controller/ssh/session.h"

namespace fleetsync::ssh {

// One command on a session: its output to the conversation, its input when the command is there to
// read it, and its end. Hears of the channel from within libssh, where nothing may be called back;
// so it only notes what the conversation wants, and the connection acts on it afterwards.
class CommandRun : public ChannelObserver {
 public:
  // `become` is null for a command that runs as the login user. `become_password` may be null.
  CommandRun(Command command, std::unique_ptr<Become> become,
             std::shared_ptr<const Secret> become_password, Conversation& conversation);
  ~CommandRun() override;

  // What goes to the server.
  std::string Line() const;

  // Writes what the window and the socket take now. True: something was heard meanwhile.
  bool Feed(Session& session);
  // Adds what the conversation wants to send.
  void Send(const Conversation::Send& send);

  const Command& command() const { return command_; }
  const Become* become() const { return become_.get(); }
  const Exit* exit() const { return exit_ ? &*exit_ : nullptr; }
  bool closed() const { return closed_; }
  bool too_long() const { return too_long_; }
  bool done() const { return done_; }        // the conversation wants to hang up
  bool misused() const { return misused_; }  // it asked for a second command
  bool never_began() const { return become_ != nullptr && !become_->begun(); }

  void OnData(std::string_view bytes, bool is_stderr) override;
  void OnExitStatus(int code) override;
  void OnExitSignal(std::string_view name) override;
  void OnChannelClosed() override;

 private:
  void Write(Session& session);

  Command command_;
  std::unique_ptr<Become> become_;
  std::shared_ptr<const Secret> become_password_;
  Conversation& conversation_;
  size_t output_size_ = 0;
  std::string answer_;  // the password's line, until it is written
  std::string input_;   // not yet written
  size_t input_at_ = 0;
  size_t shared_at_ = 0;
  std::string later_;  // sent by the conversation, after the shared input
  bool end_wanted_ = false, end_sent_ = false;
  bool heard_ = false;  // since Feed began
  bool closed_ = false, too_long_ = false, done_ = false, misused_ = false;
  std::optional<Exit> exit_;
};

}  // namespace fleetsync::ssh
