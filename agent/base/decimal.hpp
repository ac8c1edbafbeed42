#pragma once

#include <string>

namespace pgtend {

// Writes a double without an exponent, in the fewest digits that read back as the same, as Prometheus does (2^63 is
// 9223372036854776000); returns the end of the text, `to` when it does not fit before `end`.
// REQUIRES: value is finite.
char* write_decimal(char* to, char* end, double value);

// The same as a text; "NaN", "+Inf", "-Inf" for what is not finite.
[[nodiscard]] std::string decimal_text(double value);

}  // namespace pgtend
