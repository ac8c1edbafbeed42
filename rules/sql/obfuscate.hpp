#pragma once

#include <string>
#include <string_view>

namespace pgtend::sql {

// The text without anything a user typed as data: literals become ?, comments go, statements that set a password keep
// only their first words. A text that cannot be scanned becomes "<unreadable statement>". Never fails.
[[nodiscard]] std::string obfuscate(std::string_view text);

}  // namespace pgtend::sql
