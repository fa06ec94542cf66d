#pragma once

#include <string_view>

namespace fleetsync::plan {

// transaction.sh, apply.sh and undo.sh, embedded by the build.
std::string_view TransactionText();
std::string_view ApplyText();
std::string_view UndoText();

}  // namespace fleetsync::plan
