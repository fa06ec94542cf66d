#pragma once

#include <cstddef>

namespace fleetsync::ui {

struct TerminalSize {
  size_t columns = 0, rows = 0;
};
// Of the terminal behind `fd`; zeros when it is none. A terminal that does not tell has 80 by 24.
TerminalSize SizeOfTerminal(int fd);

// By LC_ALL, LC_CTYPE, LANG, the first that is set: whether text in UTF-8 is shown as it is meant.
// Without any of them the terminal is asked for no more than ASCII.
bool LocaleIsUtf8();

}  // namespace fleetsync::ui
