#include "agent/change/migrate/catalog.hpp"

#include <nlohmann/json.hpp>

namespace pgtend::migrate {

namespace {

// Every part gives key and definition. `mine` is the schemas that are looked at; "rel" their relations without those of
// extensions. Constraints of type n (18+) repeat what the column says.
constexpr const char* kCatalogQuery = R"(
WITH mine AS MATERIALIZED (
  SELECT n.oid, n.nspname, n.nspowner FROM pg_catalog.pg_namespace n
  WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgtend')),
member AS MATERIALIZED (SELECT d.classid, d.objid FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'),
rel AS MATERIALIZED (
  SELECT c.*, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS full_name
  FROM pg_catalog.pg_class c JOIN mine n ON n.oid = c.relnamespace
  WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_class'::regclass AND m.objid = c.oid))
SELECT 'schema ' || pg_catalog.quote_ident(n.nspname) AS key, 'owner ' || pg_catalog.pg_get_userbyid(n.nspowner) AS def
  FROM mine n
UNION ALL
SELECT CASE r.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' WHEN 'S' THEN 'sequence '
       WHEN 'f' THEN 'foreign table ' WHEN 'c' THEN 'type ' ELSE 'table ' END || r.full_name,
  'owner ' || pg_catalog.pg_get_userbyid(r.relowner)
  || CASE r.relpersistence WHEN 'u' THEN ' UNLOGGED' ELSE '' END
  || CASE WHEN r.relrowsecurity THEN ' ROW LEVEL SECURITY' ELSE '' END
  || CASE WHEN r.relforcerowsecurity THEN ' FORCED' ELSE '' END
  || CASE WHEN r.relispartition THEN ' PARTITION ' || coalesce(pg_catalog.pg_get_expr(r.relpartbound, r.oid), '') ELSE '' END
  || CASE WHEN r.relkind = 'p' THEN ' ' || pg_catalog.pg_get_partkeydef(r.oid) ELSE '' END
  || CASE WHEN r.relkind IN ('v', 'm') THEN ' AS ' || pg_catalog.md5(pg_catalog.pg_get_viewdef(r.oid)) ELSE '' END
  || coalesce(' WITH ' || r.reloptions::text, '') || coalesce(' ACL ' || r.relacl::text, '')
  FROM rel r WHERE r.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
UNION ALL
SELECT 'column ' || r.full_name || '.' || pg_catalog.quote_ident(a.attname),
  pg_catalog.format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
  || CASE a.attgenerated WHEN '' THEN coalesce(' DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid), '')
     ELSE ' GENERATED ' || coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') END
  || CASE a.attidentity WHEN '' THEN '' ELSE ' IDENTITY ' || a.attidentity::text END
  || coalesce((SELECT ' COLLATE ' || pg_catalog.quote_ident(l.collname) FROM pg_catalog.pg_collation l
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE l.oid = a.attcollation AND a.attcollation <> t.typcollation), '')
  FROM rel r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE r.relkind IN ('r', 'p', 'f', 'c')
UNION ALL
SELECT 'constraint ' || r.full_name || '.' || pg_catalog.quote_ident(k.conname), pg_catalog.pg_get_constraintdef(k.oid)
  FROM pg_catalog.pg_constraint k JOIN rel r ON r.oid = k.conrelid WHERE k.contype IN ('c', 'f', 'p', 'u', 'x')
UNION ALL
SELECT 'index ' || r.full_name, pg_catalog.pg_get_indexdef(r.oid)
  || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' INVALID' END
  FROM pg_catalog.pg_index i JOIN rel r ON r.oid = i.indexrelid
UNION ALL
SELECT 'trigger ' || r.full_name || '.' || pg_catalog.quote_ident(t.tgname),
  pg_catalog.pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' ENABLED ' || t.tgenabled::text END
  FROM pg_catalog.pg_trigger t JOIN rel r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT 'policy ' || r.full_name || '.' || pg_catalog.quote_ident(p.polname),
  p.polcmd::text || CASE WHEN p.polpermissive THEN '' ELSE ' RESTRICTIVE' END || ' ' || p.polroles::regrole[]::text
  || coalesce(' USING ' || pg_catalog.pg_get_expr(p.polqual, p.polrelid), '')
  || coalesce(' CHECK ' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), '')
  FROM pg_catalog.pg_policy p JOIN rel r ON r.oid = p.polrelid
UNION ALL
SELECT 'function ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(f.proname) || '('
  || pg_catalog.pg_get_function_identity_arguments(f.oid) || ')',
  'owner ' || pg_catalog.pg_get_userbyid(f.proowner) || ' ' || CASE f.prokind WHEN 'a' THEN 'aggregate'
  ELSE pg_catalog.md5(pg_catalog.pg_get_functiondef(f.oid)) END || coalesce(' ACL ' || f.proacl::text, '')
  FROM pg_catalog.pg_proc f JOIN mine n ON n.oid = f.pronamespace
  WHERE NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_proc'::regclass AND m.objid = f.oid)
UNION ALL
SELECT 'type ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname),
  CASE t.typtype WHEN 'e' THEN 'ENUM ' || (SELECT pg_catalog.array_agg(e.enumlabel ORDER BY e.enumsortorder)::text
    FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)
  ELSE 'DOMAIN ' || pg_catalog.format_type(t.typbasetype, t.typtypmod)
    || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || t.typdefault, '')
    || coalesce((SELECT pg_catalog.string_agg(' ' || pg_catalog.pg_get_constraintdef(k.oid), '' ORDER BY k.conname)
       FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'), '') END
  FROM pg_catalog.pg_type t JOIN mine n ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd')
  AND NOT EXISTS (SELECT FROM member m WHERE m.classid = 'pg_catalog.pg_type'::regclass AND m.objid = t.oid)
UNION ALL
SELECT 'statistics ' || pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(s.stxname),
  pg_catalog.pg_get_statisticsobjdef(s.oid)
  FROM pg_catalog.pg_statistic_ext s JOIN mine n ON n.oid = s.stxnamespace
UNION ALL
SELECT 'extension ' || pg_catalog.quote_ident(x.extname), x.extversion FROM pg_catalog.pg_extension x)";

}  // namespace

net::TaskResult<Catalog> read_catalog(pg::Connection* connection, Deadline deadline) {
  const std::string sql = kCatalogQuery;
  const pg::Params none;
  auto rows = co_await connection->query(sql, none, deadline);
  if (!rows) co_return fail(std::move(rows.error()), "read the catalogs");
  Catalog out;
  for (std::size_t i = 0; i < rows->size(); ++i) out[rows->text(i, "key")] = rows->text(i, "def");
  co_return out;
}

Objects difference(const Catalog& before, const Catalog& after) {
  Objects out;
  for (const auto& [key, definition] : after)
    if (const auto it = before.find(key); it == before.end() || it->second != definition) out[key] = definition;
  for (const auto& [key, definition] : before)
    if (!after.contains(key)) out[key] = std::nullopt;
  return out;
}

std::string table_key_of(std::string_view key) {
  for (const std::string_view kind : {"column ", "constraint ", "trigger ", "policy "}) {
    if (!key.starts_with(kind)) continue;
    const auto name = key.substr(kind.size());
    // The last dot outside quotes.
    bool quoted = false;
    std::size_t dot = std::string_view::npos;
    for (std::size_t i = 0; i < name.size(); ++i) {
      if (name[i] == '"') quoted = !quoted;
      if (name[i] == '.' && !quoted) dot = i;
    }
    if (dot != std::string_view::npos) return "table " + std::string(name.substr(0, dot));
  }
  return {};
}

std::string to_text(const Objects& objects) {
  auto json = nlohmann::json::object();
  for (const auto& [key, definition] : objects) json[key] = definition ? nlohmann::json(*definition) : nlohmann::json();
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Objects> parse_objects(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(Errc::corrupt, "the objects of a migration in pgtend.change_log cannot be read");
  Objects out;
  for (const auto& [key, definition] : json.items())
    out[key] = definition.is_string() ? std::optional(definition.get<std::string>()) : std::nullopt;
  return out;
}

}  // namespace pgtend::migrate
