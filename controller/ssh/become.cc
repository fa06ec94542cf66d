#include "controller/ssh/become.h"

#include <utility>
#include <vector>

#include "base/text.h"
#include "fmt/format.h"

namespace fleetsync::ssh {
namespace {

// A lecture, a banner and some errors are far shorter.
constexpr size_t kMostBeforeMark = size_t{64} << 10;

size_t Count(std::string_view text, std::string_view word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + word.size()))
    ++count;
  return count;
}

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

Become::Become(inventory::Become method, bool has_password, std::string_view nonce)
    : method_(method),
      has_password_(has_password && method == inventory::Become::kSudo),
      prompt_(fmt::format("[fleetsync-password-{}]", nonce)),
      mark_(fmt::format("[fleetsync-begin-{}]\n", nonce)) {}

std::string Become::Wrap(std::string_view line) const {
  const std::string script =
      fmt::format("echo '{}' >&2\n{}", std::string_view(mark_).substr(0, mark_.size() - 1), line);
  if (method_ == inventory::Become::kDoas)
    return fmt::format("doas -n sh -c {}", ShellQuote(script));
  if (has_password_)
    return fmt::format("sudo -S -p {} -- sh -c {}", ShellQuote(prompt_), ShellQuote(script));
  return fmt::format("sudo -n -- sh -c {}", ShellQuote(script));
}

std::string Become::OnStandardError(std::string_view bytes) {
  if (begun_) return std::string(bytes);
  before_ += bytes;
  if (const size_t at = before_.find(mark_); at != std::string::npos) {
    begun_ = true;
    wants_password_ = false;
    std::string own = before_.substr(at + mark_.size());
    before_.resize(at);
    return own;
  }
  const size_t prompts = Count(before_, prompt_);
  if (prompts > answered_) {
    refused_ = answered_ > 0;
    wants_password_ = !refused_;
    answered_ = prompts;
  }
  if (before_.size() > kMostBeforeMark) refused_ = true;
  return "";
}

bool Become::TakeWantsPassword() { return std::exchange(wants_password_, false); }

std::string Become::Said() const {
  std::string said = before_;
  for (size_t at = said.find(prompt_); at != std::string::npos; at = said.find(prompt_))
    said.replace(at, prompt_.size(), "");
  std::string last;
  for (const std::string_view line : Split(said, '\n'))
    if (!Trim(line).empty()) last = Printable(Trim(line));
  constexpr size_t kLongest = 300;
  if (last.size() > kLongest) last = Printable(last.substr(0, kLongest)) + "…";
  return last;
}

std::string Become::NextStep(std::string_view said, std::string_view user) const {
  const std::string name = Printable(user);
  if (Contains(said, "not found") || Contains(said, "No such file"))
    return fmt::format("install {0} on the host, or set become to what is there",
                       method_ == inventory::Become::kDoas ? "doas" : "sudo");
  if (method_ == inventory::Become::kDoas)
    return fmt::format("doas asks on a terminal only: let doas.conf say 'permit nopass {}'", name);
  if (Contains(said, "must have a tty"))
    return fmt::format("let sudoers say 'Defaults:{} !requiretty'", name);
  if (Contains(said, "not in the sudoers") || Contains(said, "not allowed") ||
      Contains(said, "may not run"))
    return fmt::format("let sudoers say '{} ALL=(ALL) ALL' on the host", name);
  if (has_password_)
    return "correct the password that the host's become_password_file (or _env, _command) gives";
  return fmt::format(
      "give the host a become_password_file in the inventory, or let sudoers say '{} ALL=(ALL) "
      "NOPASSWD: ALL'",
      name);
}

Failure Become::WhyNot(const Exit* exit, std::string_view user) const {
  const std::string said = Said();
  Failure failure{.stage = Stage::kBecome, .fault = Fault::kDenied, .detail = "", .next_step = ""};
  const char* program = method_ == inventory::Become::kDoas ? "doas" : "sudo";
  if (refused_ && answered_ > 1)
    failure.detail = fmt::format("{} did not take the password of {}", program, Printable(user));
  else if (!said.empty())
    failure.detail = said;
  else if (exit != nullptr)
    failure.detail = fmt::format("{} ended with {} without a word", program, exit->code);
  else
    failure.detail = fmt::format("{} did not start the command", program);
  failure.next_step = NextStep(said, user);
  return failure;
}

}  // namespace fleetsync::ssh
