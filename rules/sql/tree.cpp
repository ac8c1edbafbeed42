#include "rules/sql/tree.hpp"

#include <pg_query.h>

#include <nlohmann/json.hpp>

namespace pgtend::sql {

namespace {

const Json kNull;

}  // namespace

Result<Json> parse_tree(std::string_view text) {
  if (text.size() > kMaxTextBytes) return fail(Errc::resource_exhausted, "the statement is longer than 64 kB");
  if (text.find('\0') != std::string_view::npos) return fail(Errc::parse, "the statement holds a zero byte");
  const std::string copy(text);
  const PgQueryParseResult parsed = pg_query_parse(copy.c_str());
  if (parsed.error != nullptr) {
    auto error = fail(Errc::parse, parsed.error->message != nullptr ? parsed.error->message : "cannot be parsed");
    pg_query_free_parse_result(parsed);
    return error;
  }
  Json tree = Json::parse(parsed.parse_tree, nullptr, false);
  pg_query_free_parse_result(parsed);
  if (tree.is_discarded()) return fail(Errc::parse, "the parser's tree cannot be read");
  const auto statements = tree.find("stmts");
  if (statements == tree.end() || !statements->is_array()) return Json::array();
  return Json(std::move(*statements));
}

const Json& child(const Json& node, const char* key) {
  if (!node.is_object()) return kNull;
  const auto it = node.find(key);
  return it == node.end() ? kNull : *it;
}

std::string text_of(const Json& node, const char* key) {
  const Json& value = child(node, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string_view kind_of(const Json& node) {
  if (!node.is_object() || node.size() != 1) return {};
  return node.begin().key();
}

const Json& as(const Json& node, const char* kind) {
  return child(node, kind);
}

std::string last_name(const Json& list) {
  if (!list.is_array() || list.empty()) return {};
  return text_of(as(list.back(), "String"), "sval");
}

}  // namespace pgtend::sql
