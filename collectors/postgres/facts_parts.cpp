#include "collectors/postgres/facts_parts.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "collectors/postgres/statements.hpp"
#include "collectors/timestamps.hpp"

namespace pgtend::collectors::facts {
namespace {

Oid oid(const RowSet& rows, std::size_t i, std::string_view name) {
  return static_cast<Oid>(rows.integer(i, name).value_or(0));
}

std::int64_t whole(const RowSet& rows, std::size_t i, std::string_view name) {
  if (const auto value = rows.integer(i, name)) return *value;
  // numeric columns (wal_bytes, sums) may carry more digits or a fraction
  const double value = rows.number(i, name).value_or(0);
  return std::isfinite(value) ? static_cast<std::int64_t>(std::clamp(value, -9.2e18, 9.2e18)) : 0;
}

double real(const RowSet& rows, std::size_t i, std::string_view name) {
  return rows.number(i, name).value_or(0);
}

std::optional<UtcTime> moment(const RowSet& rows, std::size_t i, std::string_view name) {
  const auto field = rows.get(i, name);
  return field ? parse_timestamptz(*field) : std::nullopt;
}

// {name=value,…} of reloptions and rolconfig.
std::map<std::string, std::string> options(const std::string& array) {
  std::map<std::string, std::string> out;
  for (const auto& item : parse_array(array)) {
    const auto equals = item.find('=');
    if (equals != std::string::npos) out[item.substr(0, equals)] = item.substr(equals + 1);
  }
  return out;
}

}  // namespace

namespace {

// Of a column without statistics: those of the partition that has most values of it.
void take_statistics(TableFact& parent, const TableFact& partition) {
  for (auto& column : parent.columns) {
    const auto same = std::find_if(partition.columns.begin(), partition.columns.end(),
                                   [&](const ColumnFact& other) { return other.name == column.name; });
    if (same == partition.columns.end() || same->n_distinct == 0) continue;
    const auto distinct = [](const ColumnFact& one, double rows) {
      return one.n_distinct < 0 ? -one.n_distinct * rows : one.n_distinct;
    };
    if (column.n_distinct != 0 && distinct(column, parent.reltuples) >= distinct(*same, partition.reltuples)) continue;
    const int attnum = column.attnum;
    column = *same;
    column.attnum = attnum;
  }
}

std::optional<UtcTime> from_epoch(const RowSet& rows, std::size_t i, std::string_view name) {
  const auto seconds = rows.number(i, name);
  if (!seconds || std::abs(*seconds) > 9e12) return std::nullopt;
  return from_ms(static_cast<std::int64_t>(*seconds * 1000));
}

}  // namespace

void add_up_partitions(DatabaseFacts& facts, const Places& place) {
  for (auto& parent : facts.tables) {
    if (parent.relkind != 'p') continue;
    parent.reltuples = 0;
    parent.relpages = 0;
  }
  for (const auto& partition : facts.tables) {
    const auto found = place.find(partition.partition_of);
    if (partition.partition_of == 0 || found == place.end() || partition.relkind != 'r') continue;
    auto& parent = facts.tables[found->second];
    parent.reltuples += std::max(0.0, partition.reltuples);
    parent.relpages += partition.relpages;
    parent.n_live_tup += partition.n_live_tup;
    parent.n_dead_tup += partition.n_dead_tup;
    parent.n_tup_ins += partition.n_tup_ins;
    parent.n_tup_upd += partition.n_tup_upd;
    parent.n_tup_del += partition.n_tup_del;
    parent.n_tup_hot_upd += partition.n_tup_hot_upd;
    parent.seq_scan += partition.seq_scan;
    parent.seq_tup_read += partition.seq_tup_read;
    parent.idx_scan += partition.idx_scan;
    parent.idx_tup_fetch += partition.idx_tup_fetch;
    take_statistics(parent, partition);
  }
}

void add_partitions(DatabaseFacts& facts, const RowSet& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Oid parent = oid(rows, i, "parent");
    const TableFact* table = facts.table(parent);
    if (table == nullptr) continue;
    if (facts.partitioned_tables.empty() || facts.partitioned_tables.back().oid != parent)
      facts.partitioned_tables.push_back(
          {parent, table->schema, table->name, table->owner, rows.text(i, "key"), rows.text(i, "key_type"), {}, {}});
    PartitionFact one;
    one.oid = oid(rows, i, "oid");
    one.schema = rows.text(i, "schema");
    one.name = rows.text(i, "name");
    one.is_default = rows.boolean(i, "is_default");
    one.from = rows.text(i, "lower");
    one.to = rows.text(i, "upper");
    one.from_at = from_epoch(rows, i, "lower_at");
    one.to_at = from_epoch(rows, i, "upper_at");
    one.holds_rows = rows.boolean(i, "holds_rows");
    facts.partitioned_tables.back().partitions.push_back(std::move(one));
  }
}

void add_stray_keys(DatabaseFacts& facts, const RowSet& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (auto& table : facts.partitioned_tables)
      if (const auto at = from_epoch(rows, i, "at"); at && table.oid == oid(rows, i, "parent"))
        table.stray.push_back(*at);
}

Places add_tables(DatabaseFacts& facts, RowSet rows) {
  Places place;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    TableFact t;
    t.oid = oid(rows, i, "oid");
    t.schema = rows.text(i, "schema");
    t.name = rows.text(i, "name");
    t.owner = rows.text(i, "owner");
    if (const auto kind = rows.text(i, "relkind"); !kind.empty()) t.relkind = kind[0];
    t.reltuples = real(rows, i, "reltuples");
    t.relpages = whole(rows, i, "relpages");
    t.options = options(rows.text(i, "reloptions"));
    t.row_security = rows.boolean(i, "relrowsecurity");
    t.extension_owned = rows.boolean(i, "extension_owned");
    t.partition_of = oid(rows, i, "partition_of");
    t.n_live_tup = whole(rows, i, "n_live_tup");
    t.n_dead_tup = whole(rows, i, "n_dead_tup");
    t.n_mod_since_analyze = whole(rows, i, "n_mod_since_analyze");
    t.n_ins_since_vacuum = whole(rows, i, "n_ins_since_vacuum");
    t.n_tup_ins = whole(rows, i, "n_tup_ins");
    t.n_tup_upd = whole(rows, i, "n_tup_upd");
    t.n_tup_del = whole(rows, i, "n_tup_del");
    t.n_tup_hot_upd = whole(rows, i, "n_tup_hot_upd");
    t.seq_scan = whole(rows, i, "seq_scan");
    t.seq_tup_read = whole(rows, i, "seq_tup_read");
    t.idx_scan = whole(rows, i, "idx_scan");
    t.idx_tup_fetch = whole(rows, i, "idx_tup_fetch");
    t.autovacuum_count = whole(rows, i, "autovacuum_count");
    t.vacuum_count = whole(rows, i, "vacuum_count");
    t.last_vacuum = moment(rows, i, "last_vacuum");
    t.last_autovacuum = moment(rows, i, "last_autovacuum");
    t.last_analyze = moment(rows, i, "last_analyze");
    t.last_autoanalyze = moment(rows, i, "last_autoanalyze");
    place[t.oid] = facts.tables.size();
    facts.tables.push_back(std::move(t));
    rows.rows[i] = {};
  }
  return place;
}

void add_columns(DatabaseFacts& facts, RowSet rows, const Places& place) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto table = place.find(oid(rows, i, "attrelid"));
    if (table == place.end()) continue;
    ColumnFact c;
    c.name = rows.text(i, "attname");
    c.attnum = static_cast<int>(whole(rows, i, "attnum"));
    c.type = rows.text(i, "type");
    c.n_distinct = real(rows, i, "n_distinct");
    c.null_fraction = real(rows, i, "null_frac");
    c.average_width = static_cast<int>(whole(rows, i, "avg_width"));
    c.correlation = rows.number(i, "correlation");
    c.not_null = rows.boolean(i, "attnotnull");
    facts.tables[table->second].columns.push_back(std::move(c));
    rows.rows[i] = {};
  }
}

namespace {

// The "1 3 2" of an int2vector, cut to the key columns.
std::vector<std::string> key_numbers(const std::string& vector, std::size_t keys) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < vector.size() && out.size() < keys;) {
    const auto end = std::min(vector.find(' ', at), vector.size());
    out.push_back(vector.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// A lookup by the key's columns can use the index in whatever order they lead it.
bool leads_with_one_of(const std::vector<std::string>& keys, const std::vector<std::set<std::string>>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const std::set<std::string>& columns) {
    return keys.size() >= columns.size() &&
           std::set<std::string>(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(columns.size())) == columns;
  });
}

// In the order in which the statement gives them.
constexpr bool IndexFact::* kFlags[] = {
    &IndexFact::has_expressions,  &IndexFact::is_partial,          &IndexFact::is_unique,
    &IndexFact::is_primary,       &IndexFact::is_exclusion,        &IndexFact::is_valid,
    &IndexFact::is_ready,         &IndexFact::is_replica_identity, &IndexFact::is_clustered,
    &IndexFact::backs_constraint, &IndexFact::is_partition_child,  &IndexFact::extension_owned};

void set_flags(IndexFact& index, std::string_view flags) {
  for (std::size_t i = 0; i < std::size(kFlags); ++i) index.*kFlags[i] = i < flags.size() && flags[i] == 't';
}

}  // namespace

ForeignKeys foreign_keys(const RowSet& rows) {
  ForeignKeys out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto columns = parse_array(rows.text(i, "conkey"));
    out[oid(rows, i, "conrelid")].emplace_back(columns.begin(), columns.end());
  }
  return out;
}

Places add_indexes(DatabaseFacts& facts, RowSet rows, const ForeignKeys& references) {
  Places place;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    IndexFact x;
    x.oid = oid(rows, i, "indexrelid");
    x.table_oid = oid(rows, i, "indrelid");
    x.schema = rows.text(i, "schema");
    x.name = rows.text(i, "name");
    x.method = rows.text(i, "method");
    const auto names = parse_array(rows.text(i, "column_names"));
    const auto keys = std::min<std::size_t>(static_cast<std::size_t>(whole(rows, i, "indnkeyatts")), names.size());
    x.key_columns.assign(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(keys));
    x.include_columns.assign(names.begin() + static_cast<std::ptrdiff_t>(keys), names.end());
    set_flags(x, rows.text(i, "flags"));
    x.idx_scan = whole(rows, i, "idx_scan");
    x.idx_tup_read = whole(rows, i, "idx_tup_read");
    x.bytes = whole(rows, i, "bytes");
    x.comment = rows.text(i, "comment");
    if (const auto fks = references.find(x.table_oid); fks != references.end() && !x.is_partial)
      x.supports_foreign_key = leads_with_one_of(key_numbers(rows.text(i, "keys"), keys), fks->second);
    x.signature = std::to_string(x.table_oid) + "|" + x.method + "|" + std::to_string(keys) + "|" +
                  rows.text(i, "keys") + "|" + rows.text(i, "classes") + "|" + rows.text(i, "collations") + "|" +
                  rows.text(i, "options") + "|";
    place[x.oid] = facts.indexes.size();
    facts.indexes.push_back(std::move(x));
    rows.rows[i] = {};
  }
  return place;
}

void add_definitions(DatabaseFacts& facts, RowSet rows, const Places& place) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto found = place.find(oid(rows, i, "indexrelid"));
    if (found == place.end()) continue;
    auto& index = facts.indexes[found->second];
    index.definition = rows.text(i, "definition");
    index.signature += rows.text(i, "expressions") + "|" + rows.text(i, "predicate");
    rows.rows[i] = {};
  }
  for (auto& index : facts.indexes) {
    if (!index.definition.empty()) continue;
    // What an expression says is known only from its spelling; without it, nothing is its duplicate.
    if (index.has_expressions || index.is_partial)
      index.signature = "unknown:" + std::to_string(index.oid);
    else
      index.signature += "|";
  }
}

Places add_matviews(DatabaseFacts& facts, const RowSet& rows) {
  Places place;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    MatviewFact m;
    m.oid = oid(rows, i, "oid");
    m.schema = rows.text(i, "schema");
    m.name = rows.text(i, "name");
    m.owner = rows.text(i, "owner");
    m.populated = rows.boolean(i, "relispopulated");
    m.has_unique_index = rows.boolean(i, "has_unique_index");
    m.relpages = whole(rows, i, "relpages");
    m.reltuples = real(rows, i, "reltuples");
    m.reads = whole(rows, i, "reads");
    m.relfilenode = oid(rows, i, "relfilenode");
    m.own_writes = whole(rows, i, "own_writes");
    place[m.oid] = facts.matviews.size();
    facts.matviews.push_back(std::move(m));
  }
  return place;
}

void add_matview_bases(DatabaseFacts& facts, const RowSet& rows, const Places& place) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto view = place.find(oid(rows, i, "root"));
    if (view == place.end()) continue;
    MatviewFact& m = facts.matviews[view->second];
    (rows.text(i, "kind") == "m" ? m.base_matviews : m.base_tables).push_back(oid(rows, i, "oid"));
    m.over_row_security = m.over_row_security || rows.boolean(i, "relrowsecurity");
  }
}

void add_statements(DatabaseFacts& facts, RowSet rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    StatementFact s;
    s.query_id = whole(rows, i, "queryid");
    s.user_oid = oid(rows, i, "userid");
    s.database_oid = oid(rows, i, "dbid");
    s.user = rows.text(i, "usename");
    s.toplevel = rows.boolean(i, "is_toplevel");
    s.text = safe_statement_text(rows.text(i, "query"));
    s.calls = whole(rows, i, "calls");
    s.rows = whole(rows, i, "rows");
    s.total_exec_ms = real(rows, i, "total_exec_time");
    s.mean_exec_ms = real(rows, i, "mean_exec_time");
    s.stddev_exec_ms = real(rows, i, "stddev_exec_time");
    s.shared_blks_hit = whole(rows, i, "shared_blks_hit");
    s.shared_blks_read = whole(rows, i, "shared_blks_read");
    s.shared_blks_dirtied = whole(rows, i, "shared_blks_dirtied");
    s.shared_blks_written = whole(rows, i, "shared_blks_written");
    s.temp_blks_read = whole(rows, i, "temp_blks_read");
    s.temp_blks_written = whole(rows, i, "temp_blks_written");
    s.wal_bytes = whole(rows, i, "wal_bytes");
    facts.statements.push_back(std::move(s));
    rows.rows[i] = {};
  }
}

void add_settings(DatabaseFacts& facts, const RowSet& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SettingFact s;
    s.name = rows.text(i, "name");
    s.value = rows.text(i, "setting");
    s.unit = rows.text(i, "unit");
    s.context = rows.text(i, "context");
    s.vartype = rows.text(i, "vartype");
    s.source = rows.text(i, "source");
    s.source_file = rows.text(i, "sourcefile");
    s.boot_value = rows.text(i, "boot_val");
    s.reset_value = rows.text(i, "reset_val");
    s.min_value = rows.text(i, "min_val");
    s.max_value = rows.text(i, "max_val");
    s.enum_values = parse_array(rows.text(i, "enumvals"));
    s.pending_restart = rows.boolean(i, "pending_restart");
    facts.settings[s.name] = std::move(s);
  }
}

void add_roles(DatabaseFacts& facts, const RowSet& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    RoleFact r;
    r.oid = oid(rows, i, "oid");
    r.name = rows.text(i, "rolname");
    r.superuser = rows.boolean(i, "rolsuper");
    r.can_login = rows.boolean(i, "rolcanlogin");
    r.settings = options(rows.text(i, "settings"));
    facts.roles.push_back(std::move(r));
  }
}

}  // namespace pgtend::collectors::facts
