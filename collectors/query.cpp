#include "collectors/query.hpp"

#include <algorithm>
#include <cctype>

#include "agent/base/strings.hpp"
#include "collectors/rows_to_series.hpp"

namespace pgtend::collectors {
namespace {

constexpr std::string_view kColumns = "{columns}";
constexpr std::string_view kSchema = "{schema}";
constexpr std::string_view kMaxSeries = "{max_series}";
constexpr std::string_view kWatched = "{watched}";

struct Source {
  std::string schema, name;
  bool function = false;
};

Source parse_source(std::string_view text) {
  Source out;
  if (text.ends_with("()")) {
    out.function = true;
    text.remove_suffix(2);
  }
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) {
    out.name = text;
  } else {
    out.schema = text.substr(0, dot);
    out.name = text.substr(dot + 1);
  }
  return out;
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Whether the statement, in lower case, names an answer column itself: "AS name" as whole words.
bool names_itself(const std::string& lower, std::string_view name) {
  for (std::size_t at = lower.find(name); at != std::string::npos; at = lower.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if (end < lower.size() && is_word(lower[end])) continue;
    std::string_view before(lower.data(), at);
    if (!before.empty() && before.back() == '"') before.remove_suffix(1);
    const std::string_view cut = trim(before);
    if (cut.size() == before.size() || !cut.ends_with("as")) continue;
    if (cut.size() == 2 || !is_word(cut[cut.size() - 3])) return true;
  }
  return false;
}

bool in_bounds(int version, std::optional<int> low, std::optional<int> high) {
  return (!low || version >= *low) && (!high || version <= *high);
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

// The reason why this server cannot answer, empty when it can.
std::string refusal(const CollectorDef& def, const ServerShape& shape) {
  const ServerIdentity& server = shape.identity;
  if (!in_bounds(server.version_num, def.min_version, def.max_version))
    return "server version " + std::to_string(server.version_num) + " is outside " +
           (def.min_version ? std::to_string(*def.min_version) : std::string("any")) + " to " +
           (def.max_version ? std::to_string(*def.max_version) : std::string("any"));
  if (is_of_other_role(def, server)) return "only on a " + std::string(to_string(*def.role));
  if (!def.extension.empty() && !shape.extensions.contains(def.extension))
    return "extension " + def.extension + " is not in this database: CREATE EXTENSION " +
           quote_identifier(def.extension);
  if (!def.source.empty() && !shape.columns.contains(def.source))
    return "source " + def.source + " does not exist on this server" +
           (def.extension.empty() ? std::string() : ": ALTER EXTENSION " + quote_identifier(def.extension) + " UPDATE");
  if (def.optional && shape.unreadable.contains(def.source))
    return "source " + def.source +
           " may not be read by this role; to watch it, GRANT SELECT on it and USAGE on its schema";
  return {};
}

// The labels, the epoch and the columns that `{columns}` stands for: each once, without those the statement names
// itself. `version`: nullopt for those of any version.
std::vector<std::string> wanted_columns(const CollectorDef& def, std::optional<int> version) {
  std::vector<std::string> out;
  std::set<std::string> done;
  const std::string lower = to_lower(def.sql);
  const auto want = [&](const std::string& name) {
    if (!name.empty() && done.insert(name).second && !names_itself(lower, name)) out.push_back(name);
  };
  for (const auto& label : def.labels) want(label);
  want(def.epoch_column);
  for (const auto& column : def.columns)
    if (!version || in_bounds(*version, column.min_version, column.max_version)) want(column.column);
  return out;
}

std::string watched_rows(const CollectorDef& def, const std::set<Labels>& watched) {
  std::vector<std::string> rows;
  for (const auto& labels : watched) {
    std::vector<std::string> parts;
    for (const auto& name : def.labels)
      if (name != "datname") parts.emplace_back(labels.get(name));
    rows.push_back(quote_literal(join(parts, ".")));
  }
  return "ARRAY[" + join(rows, ", ") + "]::pg_catalog.text[]";
}

}  // namespace

std::string empty_placeholder(const CollectorDef& def) {
  if (def.sql.find(kColumns) == std::string::npos) return {};
  if (def.source.empty() || def.source.ends_with("()"))
    return "{columns} stands for columns of a view, and 'source' names none";
  if (wanted_columns(def, std::nullopt).empty())
    return "{columns} stands for no column: the statement names each of them itself";
  return {};
}

std::string column_probe_sql(std::span<const CollectorDef> defs) {
  std::set<std::string> sources;
  for (const auto& def : defs)
    if (!def.source.empty()) sources.insert(def.source);
  std::string values;
  for (const auto& text : sources) {
    const Source source = parse_source(text);
    values += (values.empty() ? "(" : ", (") + quote_literal(text) + "::text, " + quote_literal(source.schema) +
              "::text, " + quote_literal(source.name) + "::text, " + (source.function ? "true" : "false") + ")";
  }
  if (values.empty()) values = "(''::text, ''::text, ''::text, false)";
  return R"(WITH wanted(source, schema, name, is_function) AS (VALUES )" + values + R"()
SELECT 'column' AS kind, w.source, n.nspname AS schema, a.attname AS name, '' AS version,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT') AS readable
FROM wanted w
CROSS JOIN LATERAL (
  SELECT c.oid, c.relnamespace
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
  CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM pg_catalog.pg_depend d
                   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
                     AND d.deptype = 'e') AS by_extension) o
  WHERE NOT w.is_function AND c.relname = w.name AND c.relkind IN ('r', 'v', 'm', 'p', 'f')
    AND CASE WHEN w.schema = '*' THEN cn.nspname <> 'pg_catalog' AND c.relpersistence <> 't'
             WHEN w.schema <> '' THEN cn.nspname = w.schema
             ELSE cn.nspname = 'pg_catalog' OR o.by_extension OR pg_catalog.pg_table_is_visible(c.oid) END
  ORDER BY cn.nspname = 'pg_catalog' DESC, o.by_extension DESC, cn.nspname = 'public' DESC, c.oid
  LIMIT 1) c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT DISTINCT 'function', w.source, 'pg_catalog', '', '', true
FROM wanted w
JOIN pg_catalog.pg_proc p ON p.proname = w.name
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE w.is_function AND CASE WHEN w.schema <> '' THEN n.nspname = w.schema
                             ELSE n.nspname = 'pg_catalog' OR pg_catalog.pg_function_is_visible(p.oid)
                                  OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                                             WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                                               AND d.objid = p.oid AND d.deptype = 'e') END
UNION ALL
SELECT 'extension', e.extname, n.nspname, '', e.extversion, true
FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace)";
}

void add_columns(ServerShape& shape, const RowSet& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string kind = rows.text(i, "kind"), source = rows.text(i, "source");
    if (kind == "extension") {
      shape.extensions[source] = rows.text(i, "version");
      shape.extension_schemas[source] = rows.text(i, "schema");
    } else if (kind == "function") {
      shape.columns[source];
    } else if (kind == "column") {
      shape.columns[source].insert(rows.text(i, "name"));
      if (const auto schema = rows.text(i, "schema"); schema != "pg_catalog") shape.schemas[source] = schema;
      if (!rows.boolean(i, "readable")) shape.unreadable.insert(source);
    }
  }
}

bool is_of_other_role(const CollectorDef& def, const ServerIdentity& server) {
  return def.role && server.role != ServerRole::unknown && server.role != *def.role;
}

bool asks_for_watched(const CollectorDef& def) {
  return def.sql.find(kWatched) != std::string::npos;
}

Result<CollectorQuery> make_query(const CollectorDef& def, const ServerShape& shape, const std::set<Labels>& watched) {
  if (std::string reason = refusal(def, shape); !reason.empty())
    return fail(Errc::unsupported, "collector " + def.name + ": " + std::move(reason));
  CollectorQuery out;
  out.sql = def.sql;
  replace_all(out.sql, kMaxSeries, std::to_string(row_quota(def)));
  if (out.sql.find(kSchema) != std::string::npos) {
    const bool own = !def.extension.empty();
    const auto& schemas = own ? shape.extension_schemas : shape.schemas;
    const auto schema = schemas.find(own ? def.extension : def.source);
    if (schema == schemas.end())
      return fail(Errc::unsupported,
                  "collector " + def.name + ": the schema of its " + (own ? "extension" : "source") + " is unknown");
    replace_all(out.sql, kSchema, quote_identifier(schema->second));
  }
  // The last one: names in it may look like a placeholder.
  const auto add_watched = [&] {
    if (asks_for_watched(def)) replace_all(out.sql, kWatched, watched_rows(def, watched));
  };
  if (out.sql.find(kColumns) == std::string::npos) {
    add_watched();
    return out;
  }

  if (auto reason = empty_placeholder(def); !reason.empty())
    return fail(Errc::unsupported, "collector " + def.name + ": " + std::move(reason));
  const auto& existing = shape.columns.at(def.source);
  std::vector<std::string> list;
  for (const auto& name : wanted_columns(def, shape.identity.version_num)) {
    if (existing.contains(name)) {
      list.push_back(quote_identifier(name));
    } else {
      out.lost_columns.push_back(name);
    }
  }
  if (list.empty())
    return fail(Errc::unsupported, "collector " + def.name + ": none of its columns exists in " + def.source);
  replace_all(out.sql, kColumns, join(list, ", "));
  add_watched();
  return out;
}

}  // namespace pgtend::collectors
