#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/collector_def.hpp"
#include "agent/model/rows.hpp"

// From a collector's data to the one statement this server can answer.
namespace pgtend::collectors {

// What one session's database offers; probed once per connect. Extensions differ between databases of one server.
struct ServerShape {
  ServerIdentity identity;
  std::map<std::string, std::string> extensions;         // name -> version
  std::map<std::string, std::string> extension_schemas;  // name -> schema, unquoted
  std::map<std::string, std::set<std::string>> columns;  // source as the collector spells it -> columns
  std::map<std::string, std::string> schemas;            // view outside of pg_catalog, so spelled -> schema, unquoted
  std::set<std::string> unreadable;                      // sources that are there, but not for this role
};

// One statement (no parameters) that finds every source of `defs` and every installed extension, wherever it lives.
// A source is a view ("pg_stat_wal", also "schema.view", or "*.view" for one outside of pg_catalog, in public before
// others) or a function ("pg_ls_waldir()").
[[nodiscard]] std::string column_probe_sql(std::span<const CollectorDef> defs);

// Takes the answer of column_probe_sql() into `shape`: extensions, their schemas, and the columns of each source.
void add_columns(ServerShape& shape, const RowSet& rows);

struct CollectorQuery {
  std::string sql;
  std::vector<std::string> lost_columns;  // wanted, in this version's bounds, but not there: their metrics are lost
};

// The statement of `def` for this server: `{columns}` becomes the labels and columns that exist, `{schema}` the quoted
// schema of its extension or, without one, of its source, `{max_series}` the rows that become series, `{watched}` a
// text[] of the rows in `watched`, each its labels but datname with dots between, as "public.orders". Columns the
// statement names itself (… AS name) are never replaced nor lost. Errors: unsupported with the reason (version, role,
// extension, source), not retryable until the next connect.
[[nodiscard]] Result<CollectorQuery> make_query(const CollectorDef& def, const ServerShape& shape,
                                                const std::set<Labels>& watched = {});

// Whether `def` is for the other role than the one that the server is known to have.
[[nodiscard]] bool is_of_other_role(const CollectorDef& def, const ServerIdentity& server);

// Whether the statement of `def` picks the rows in `watched` before others.
[[nodiscard]] bool asks_for_watched(const CollectorDef& def);

// Why `{columns}` in the statement of `def` has nothing to stand for on any server: it has no source whose columns are
// known, or the statement names every column and label itself. Empty: it has, or is not there.
[[nodiscard]] std::string empty_placeholder(const CollectorDef& def);

}  // namespace pgtend::collectors
