#pragma once

#include <string>

// What the functions for texts do, as Go's strings and net packages do it.
namespace pgtend::alerts::templates {

// The first letter of each word made large; all of them large; all small.
[[nodiscard]] std::string title(std::string text);
[[nodiscard]] std::string upper(std::string text);
[[nodiscard]] std::string lower(std::string text);
// "host" of "host:port"; "host:port" of "host.domain:port", but an address stays.
[[nodiscard]] std::string strip_port(std::string text);
[[nodiscard]] std::string strip_domain(std::string text);
[[nodiscard]] std::string escaped_html(std::string text);
[[nodiscard]] std::string escaped_query(std::string text);

}  // namespace pgtend::alerts::templates
