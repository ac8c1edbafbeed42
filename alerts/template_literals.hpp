#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "agent/base/result.hpp"
#include "alerts/template_value.hpp"

// Literals as Go writes them.
namespace pgtend::alerts::templates {

struct Literal {
  Value value;
  std::size_t size = 0;  // bytes of the text
};
struct WrongLiteral {
  std::size_t at = 0;  // offset of what is wrong
  std::string what;
};

// "a\tb", `a\tb`, or 'a', which is a number. REQUIRES: the text begins with the quote.
[[nodiscard]] tl::expected<Literal, WrongLiteral> quoted_literal(std::string_view text);
// 12, -1.5, 1e6, 0x1f, 0b11, 0o17, 017, 1_000. REQUIRES: the text is not empty.
[[nodiscard]] tl::expected<Literal, WrongLiteral> number_literal(std::string_view text);

}  // namespace pgtend::alerts::templates
