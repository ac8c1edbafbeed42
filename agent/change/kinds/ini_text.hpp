#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.hpp"

// The section [pgbouncer] of a pgbouncer.ini, as text: nothing but one line of it is ever different afterwards.
namespace pgtend::change {

// What the section sets, by name in lower case. Errors: unsupported (%include: a setting may stand in another file),
// conflict (a name that is set twice).
[[nodiscard]] Result<std::map<std::string, std::string>> settings_of(std::string_view ini);

// The same text with this setting's value in its line; a new line behind the last setting of the section when there is
// none; without its line when `value` is nullopt. Taking away a line that was added, or setting the previous value
// again, gives the very text of before.
// Errors: as settings_of; not_found (there is no section [pgbouncer]).
[[nodiscard]] Result<std::string> with_setting(std::string_view ini, std::string_view name,
                                               std::optional<std::string> value);

}  // namespace pgtend::change
