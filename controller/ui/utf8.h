#pragma once

#include <string>
#include <string_view>

namespace fleetsync::ui {

// Takes the first character off `text`, which is not empty; a byte that begins none counts as one.
char32_t TakeCharacter(std::string_view& text);

// The same, its bytes appended to `to`.
void TakeCharacter(std::string_view& text, std::string& to);

void AppendUtf8(char32_t character, std::string& to);

}  // namespace fleetsync::ui
