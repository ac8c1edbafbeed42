#pragma once

#include <string>
#include <string_view>

#include "alerts/message.hpp"

// Words of a message in the forms that several receivers share; private to this folder.
namespace pgtend::alerts {

enum class Quotes { kept, escaped };

// The text with &, < and > as entities; `"` too where it stands in an attribute.
[[nodiscard]] std::string markup_escaped(std::string_view text, Quotes quotes);

// "TEXT: URL" for each link, a line each.
[[nodiscard]] std::string links_as_lines(const MessageText& text);

}  // namespace pgtend::alerts
