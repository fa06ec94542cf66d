#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "controller/facts/facts.h"
#include "controller/ssh/conversation.h"

namespace fleetsync::doctor {

// A line of a file of the host. Texts may hold passwords: never print them unseen.
struct FileLine {
  std::string where;  // "/etc/services:12"
  std::string path;   // "/etc/services"
  std::string text;
};

// A source's name without an address on the host.
struct Unresolved {
  std::string name;
  bool no_answer = false;  // the resolver was silent; else it said that there is none
};

// What a daemon heard of one of its sources.
struct Heard {
  std::string address;
  bool anything = false;     // an answer, as far as the daemon tells
  bool synchronised = true;  // as the source says itself, when anything was heard
};

// What the doctor asks a host beside its facts.
struct HostAnswers {
  std::vector<Unresolved> unresolved;
  std::vector<Heard> heard;
  std::string arguments;                    // the running daemon's command line
  std::vector<std::string> nft;             // lines of nft list ruleset
  std::vector<std::string> iptables;        // of iptables -S
  std::string firewalld_service;            // the host's own definition of ntp, or empty
  std::vector<FileLine> firewalld_zones;    // lines that name ntp or 123; only with a definition
  std::vector<FileLine> services;           // lines of ntp
  std::vector<FileLine> tz;                 // lines that set or export TZ for logins
  std::vector<FileLine> loops;              // of jobs with `while read` and ssh: lines of loops
  std::vector<std::string> expect_sends;    // places where expect sends no return
  std::vector<std::string> password_lists;  // "/tmp/servers.txt:3": readable by all, of 3 lines
};

// The POSIX sh script that asks, for `sh -s` on standard input behind what it is to ask about.
std::string_view QuestionsScript();

ssh::Command AskCommand(const facts::Facts& facts, Duration deadline);

// DataLoss when the output is cut off or was not made by the script.
StatusOr<HostAnswers> ParseAnswers(std::string_view output);

}  // namespace fleetsync::doctor
