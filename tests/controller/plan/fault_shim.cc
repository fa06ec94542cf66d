// Stands in PATH for every program that an apply script calls, counts the calls, and lets something
// go wrong at one of them. What it does comes from the environment, written by FakeHost.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// The number of this call: a byte is added for each.
off_t CountCall(const std::string& folder, const std::string& line) {
  const int trace = open((folder + "/trace").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  (void)!write(trace, line.data(), line.size());
  close(trace);
  const int count = open((folder + "/count").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  struct stat status {};
  (void)!write(count, ".", 1);
  fstat(count, &status);
  close(count);
  return status.st_size;
}

pid_t MainShell(const std::string& folder) {
  std::ifstream file(folder + "/main");
  pid_t pid = 0;
  file >> pid;
  return pid;
}

// False when the call itself must not go on.
bool Break(const std::string& fault, const std::string& folder) {
  const pid_t main_shell = MainShell(folder);
  if (fault == "kill") {
    kill(-main_shell, SIGKILL);
    return false;
  }
  if (fault == "hup") kill(main_shell, SIGHUP);
  if (fault == "close") {
    std::ofstream(folder + "/close") << "";
    while (access((folder + "/closed").c_str(), F_OK) != 0) poll(nullptr, 0, 1);
  }
  if (fault != "fail") return true;
  std::fputs("No space left on device\n", stderr);
  return false;
}

int Run(const std::string& program, char** argv) {
  const pid_t child = fork();
  if (child == 0) {
    execv(program.c_str(), argv);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int, char** argv) {
  const std::string folder = Variable("SHIM_FOLDER");
  const std::string name = NameOf(argv[0]);
  const std::string program = Variable("SHIM_PROGRAMS") + "/" + name;
  std::string line = name;
  for (char** word = argv + 1; *word != nullptr; ++word) line += std::string(" ") + *word;
  const bool here = std::to_string(CountCall(folder, line + "\n")) == Variable("SHIM_AT");
  const std::string fault = Variable("SHIM_FAULT");
  const bool after = Variable("SHIM_WHEN") == "after";
  if (here && !after && !Break(fault, folder)) return 1;
  if (!here || !after) {
    execv(program.c_str(), argv);
    return 127;
  }
  const int code = Run(program, argv);
  return Break(fault, folder) ? code : 1;
}
