#include "controller/ssh/command_run.h"

#include <utility>
#include <variant>

#include "base/clock_read.h"
#include "base/overloaded.h"

namespace fleetsync::ssh {

CommandRun::CommandRun(Command command, std::unique_ptr<Become> become,
                       std::shared_ptr<const Secret> become_password, Conversation& conversation)
    : command_(std::move(command)),
      become_(std::move(become)),
      become_password_(std::move(become_password)),
      conversation_(conversation),
      input_(std::move(command_.standard_input)),
      end_wanted_(!command_.keep_input_open) {}

CommandRun::~CommandRun() { WipeString(answer_); }

std::string CommandRun::Line() const {
  return become_ == nullptr ? command_.line : become_->Wrap(command_.line);
}

void CommandRun::Send(const Conversation::Send& send) {
  const bool shared_comes_first =
      command_.shared_input != nullptr && shared_at_ < command_.shared_input->size();
  (shared_comes_first ? later_ : input_) += send.bytes;
  if (send.end) end_wanted_ = true;
}

bool CommandRun::Feed(Session& session) {
  heard_ = false;
  Write(session);
  return heard_;
}

void CommandRun::Write(Session& session) {
  if (!session.started() || closed_) return;
  if (become_ != nullptr) {
    if (become_password_ != nullptr && become_->TakeWantsPassword()) {
      answer_.append(become_password_->Reveal());
      answer_ += '\n';
    }
    // Short, and nothing has been written before it: the window has room for all of it.
    if (!answer_.empty() && session.Write(answer_) > 0) WipeString(answer_);
    if (!become_->begun() && !become_->input_at_once()) return;
  }
  while (input_at_ < input_.size()) {
    const size_t written = session.Write(std::string_view(input_).substr(input_at_));
    if (written == 0) return;
    input_at_ += written;
  }
  input_.clear();
  input_at_ = 0;
  if (command_.shared_input != nullptr) {
    const std::string& shared = *command_.shared_input;
    while (shared_at_ < shared.size()) {
      const size_t written = session.Write(std::string_view(shared).substr(shared_at_));
      if (written == 0) return;
      shared_at_ += written;
    }
    input_.swap(later_);
    if (!input_.empty()) return Write(session);
  }
  if (end_wanted_ && !end_sent_) end_sent_ = session.WriteEnd();
}

void CommandRun::OnData(std::string_view bytes, bool is_stderr) {
  heard_ = true;
  if (done_ || too_long_ || misused_) return;
  output_size_ += bytes.size();
  if (output_size_ > command_.max_output) {
    too_long_ = true;
    return;
  }
  std::string own;
  if (is_stderr && become_ != nullptr) {
    own = become_->OnStandardError(bytes);
    bytes = own;
    if (bytes.empty()) return;
  }
  Conversation::Next next = conversation_.OnOutput(ReadClocks(), bytes, is_stderr);
  std::visit(Overloaded{[this](Conversation::RunCommand&) { misused_ = true; },
                        [this](Conversation::Forward&) { misused_ = true; },
                        [this](Conversation::Send& send) { Send(send); },
                        [](Conversation::Wait&) {}, [this](Conversation::Done&) { done_ = true; }},
             next);
}

void CommandRun::OnExitStatus(int code) { exit_ = Exit{.code = code, .signal = ""}; }

void CommandRun::OnExitSignal(std::string_view name) {
  exit_ = Exit{.code = kExitBySignal, .signal = std::string(name)};
}

void CommandRun::OnChannelClosed() { heard_ = closed_ = true; }

}  // namespace fleetsync::ssh
