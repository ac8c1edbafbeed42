#pragma once

#include <string>
#include <string_view>
#include <vector>

// How files of /proc write their fields.
namespace pgtend::collectors {

// Fields between spaces and tabs.
[[nodiscard]] std::vector<std::string> words(std::string_view line);
// \040 for a space and the like, as getmntent(3) reads it.
[[nodiscard]] std::string unescape_mount(std::string_view text);

}  // namespace pgtend::collectors
