#pragma once

#include <string>

#include "CLI/CLI.hpp"

namespace fleetsync::cli {

// Help as this program gives it: commands in one line each; the common options once, on the
// program's own page.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* command) const override;
  std::string make_footer(const CLI::App* app) const override;
};

// What is wrong with the command line and what to do, in one line, for standard error: with the
// closest known word when an option or a command was mistyped. `app` has been parsed with `error`.
std::string DescribeParseError(const CLI::App& app, const CLI::ParseError& error);

}  // namespace fleetsync::cli
