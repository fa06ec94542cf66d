#pragma once

#include <string_view>

namespace fleetsync::plan {

// transaction.sh, services.sh, apply.sh and undo.sh, embedded by the build. The last two need the
// first two.
std::string_view TransactionText();
std::string_view ServicesText();
std::string_view ApplyText();
std::string_view UndoText();

}  // namespace fleetsync::plan
