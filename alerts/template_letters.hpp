#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// UTF-8, and letters as Go's unicode package knows them: one by one, so that ß has no large form.
namespace pgtend::alerts::templates {

struct Letter {
  char32_t code = 0;
  std::size_t size = 1;  // bytes
};

// The letter that the text begins with; U+FFFD of size 1 where its bytes are no UTF-8.
// REQUIRES: the text is not empty.
[[nodiscard]] Letter first_letter(std::string_view text);
// U+FFFD for what is no letter: surrogates, and what is above U+10FFFF.
[[nodiscard]] std::string utf8(char32_t code);
[[nodiscard]] bool is_unicode(char32_t code);

[[nodiscard]] char32_t large(char32_t code);
[[nodiscard]] char32_t small(char32_t code);
// What a word begins with: ǅ for ǆ, where most letters are large.
[[nodiscard]] char32_t initial(char32_t code);
[[nodiscard]] bool is_letter_or_digit(char32_t code);
[[nodiscard]] bool is_white(char32_t code);
[[nodiscard]] bool is_printable(char32_t code);

}  // namespace pgtend::alerts::templates
