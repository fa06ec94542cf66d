#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/time.h"

namespace fleetsync::ssh {

enum class Stage : unsigned char {
  kResolve,
  kConnect,
  kHostKey,
  kAuthenticate,
  kBecome,
  kCommand,
  kForward,
};
enum class Fault : unsigned char {
  kNotFound,
  kUnreachable,
  kRefused,
  kTimedOut,
  kHostKeyUnknown,
  kHostKeyChanged,
  kDenied,
  kDisconnected,
  kOutputTooLong,
  kProtocol,
  kInterrupted,
};

// Why one host failed: data for the table, the JSON and the exit code, so not a Status.
struct Failure {
  Stage stage = Stage::kConnect;
  Fault fault = Fault::kUnreachable;
  std::string detail;     // what libssh or the kernel said, printable
  std::string next_step;  // what the operator can do: a command or an option; may be empty
};

std::string_view ToString(Stage stage);  // "resolve", "connect", "host key", …
std::string_view ToString(Fault fault);  // "not_found", "timed_out", …: stable words for JSON
std::string ToString(const Failure& failure);  // "STAGE: DETAIL; NEXT STEP"

inline constexpr int kExitBySignal = 255;  // never 0: a killed command has not succeeded

struct Exit {
  int code = 0;        // kExitBySignal when `signal` is set
  std::string signal;  // name without SIG; empty: exited
};

// One command on the host. `line` never holds a secret: those go on standard input.
struct Command {
  std::string line;
  std::string standard_input;
  // Sent after standard_input: one copy of a large file for all hosts. May be null.
  std::shared_ptr<const std::string> shared_input = nullptr;
  bool keep_input_open = false;  // for Send; otherwise end of file follows standard_input
  bool become = true;            // run as root, by the host's become method, when not root already
  size_t max_output = size_t{1} << 20;  // beyond it: kOutputTooLong, the channel is closed
  Duration deadline = std::chrono::seconds(60);
};

// What to say to one host: probe, then apply, then verify. Pure: a push, a measurement, an exec are
// Conversations. Used by one thread.
class Conversation {
 public:
  struct RunCommand {
    Command command;
  };  // only when no command is running
  struct Send {
    std::string bytes;
    bool end = false;
  };  // to the running command's standard input
  struct Wait {};
  // Only when no command is running: the host listens on a port of its loopback address, and what
  // connects there is carried to an address here, until the connection ends.
  struct Forward {
    uint16_t host_port = 0;
    std::string to;  // a numeric address
    uint16_t to_port = 0;
    // A host that has said nothing for so long is asked, and given up after three times as long.
    Duration keepalive = std::chrono::seconds(15);
  };
  struct Done {};  // close the connection; results are in the conversation
  using Next = std::variant<RunCommand, Send, Wait, Done, Forward>;

  virtual ~Conversation() = default;

  // Authenticated, host key verified.
  virtual Next OnReady(Now now) = 0;
  // `now` was read right after the bytes had been taken from the socket.
  virtual Next OnOutput(Now now, std::string_view bytes, bool is_stderr) = 0;
  virtual Next OnExit(Now now, const Exit& exit) = 0;
  // The host listens now. Only after Forward.
  virtual void OnForwarding(Now /*now*/) {}
  // What came from the host was connected to Forward's address (0), or could not be (errno).
  virtual void OnForwardDialed(int /*error*/) {}
  // The connection or the command failed; nothing more comes.
  virtual void OnFailed(const Failure& failure) = 0;
};

}  // namespace fleetsync::ssh
