#include "controller/ssh/conversation.h"

namespace fleetsync::ssh {

std::string_view ToString(Stage stage) {
  switch (stage) {
    case Stage::kResolve:
      return "resolve";
    case Stage::kConnect:
      return "connect";
    case Stage::kHostKey:
      return "host key";
    case Stage::kAuthenticate:
      return "authenticate";
    case Stage::kBecome:
      return "become";
    case Stage::kCommand:
      return "command";
    case Stage::kForward:
      return "forward";
  }
  return "";
}

std::string_view ToString(Fault fault) {
  switch (fault) {
    case Fault::kNotFound:
      return "not_found";
    case Fault::kUnreachable:
      return "unreachable";
    case Fault::kRefused:
      return "refused";
    case Fault::kTimedOut:
      return "timed_out";
    case Fault::kHostKeyUnknown:
      return "host_key_unknown";
    case Fault::kHostKeyChanged:
      return "host_key_changed";
    case Fault::kDenied:
      return "denied";
    case Fault::kDisconnected:
      return "disconnected";
    case Fault::kOutputTooLong:
      return "output_too_long";
    case Fault::kProtocol:
      return "protocol";
    case Fault::kInterrupted:
      return "interrupted";
  }
  return "";
}

std::string ToString(const Failure& failure) {
  std::string text = std::string(ToString(failure.stage)) + ": " + failure.detail;
  if (!failure.next_step.empty()) text += "; " + failure.next_step;
  return text;
}

}  // namespace fleetsync::ssh
