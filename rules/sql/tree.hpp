#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "agent/base/result.hpp"

// Inside rules/sql only: the parse tree as JSON.
namespace pgtend::sql {

using Json = nlohmann::json;

// pg_stat_statements keeps whole texts; beyond this they are generated IN lists that advise nothing, and their tree
// (some 50 times the text) would not fit the agent's memory budget. Source: 64 kB × 50 = 3 MB of JSON.
inline constexpr std::size_t kMaxTextBytes = 64 * 1024;
// Nesting of the tree that is followed. Source: 90 TPC-DS queries stay below 120; each level costs one small stack
// frame.
inline constexpr int kMaxDepth = 1000;

// The statements of a text: an array of {"stmt": {Kind: {...}}, "stmt_location", "stmt_len"}.
// Errors: parse, resource_exhausted; not retryable.
[[nodiscard]] Result<Json> parse_tree(std::string_view text);

// Member of an object node, or null; never throws.
[[nodiscard]] const Json& child(const Json& node, const char* key);
// String member, empty when absent.
[[nodiscard]] std::string text_of(const Json& node, const char* key);
// The single {Kind: {...}} inside a node: its kind's name, empty when it is not of that form.
[[nodiscard]] std::string_view kind_of(const Json& node);
// node[kind] when the node is of that kind, else null.
[[nodiscard]] const Json& as(const Json& node, const char* kind);
// The last name of a list of String nodes ("=" of an operator, "lower" of a function).
[[nodiscard]] std::string last_name(const Json& list);

}  // namespace pgtend::sql
