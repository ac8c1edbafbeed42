#include "rules/advisors/candidates.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "rules/advisors/compose.hpp"
#include "rules/advisors/index_size.hpp"

namespace pgtend::advisors {

namespace {

using sql::Clause;
using sql::ColumnUse;

// Pairs are made of the most selective equality columns only. Source: reference tuning.md 2.2 caps 32 per query.
constexpr std::size_t kMaxEqualityColumns = 4;
// Source: nbtree's limit is 2,704 bytes a tuple; a wide key makes a tree as large as its table long before.
constexpr int kMaxKeyWidth = 400;

// The columns of one relation in one SELECT, by role.
struct Roles {
  const TableFact* table = nullptr;
  std::vector<std::string> equality, join, range, order, loose;
  bool order_mixed = false;  // the two first order columns go in opposite directions
  bool order_limited = false;
  bool first_descending = false;
};

void add_once(std::vector<std::string>& list, const std::string& name) {
  if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
}

bool indexable(const TableFact& table, const std::string& name) {
  const ColumnFact* column = find_column(table, name);
  if (column == nullptr || column->average_width > kMaxKeyWidth) return false;
  static constexpr std::array<std::string_view, 14> kNoTree{"json",    "jsonb",  "xml",    "tsvector", "tsquery",
                                                            "point",   "line",   "lseg",   "box",      "path",
                                                            "polygon", "circle", "hstore", "geometry"};
  const std::string base = column->type.substr(0, column->type.find('('));
  return column->type.find("[]") == std::string::npos &&
         std::find(kNoTree.begin(), kNoTree.end(), base) == kNoTree.end();
}

std::map<std::pair<std::size_t, int>, Roles> roles_of(const WorkloadStatement& statement) {
  std::map<std::pair<std::size_t, int>, Roles> out;
  for (const auto& use : statement.shape.columns) {
    const TableFact* table = statement.tables[use.relation];
    if (table == nullptr || !indexable(*table, use.column)) continue;
    auto& roles = out[{use.relation, use.query}];
    roles.table = table;
    const bool looks_up = use.clause == Clause::equality || use.clause == Clause::join || use.clause == Clause::range;
    if (looks_up && !use.conjunct) {
      add_once(roles.loose, use.column);
    } else if (use.clause == Clause::equality) {
      add_once(roles.equality, use.column);
    } else if (use.clause == Clause::join) {
      add_once(roles.join, use.column);
    } else if (use.clause == Clause::range) {
      add_once(roles.range, use.column);
    } else if (use.clause == Clause::order && use.limited) {
      if (roles.order.empty()) roles.first_descending = use.descending;
      if (roles.order.size() == 1) roles.order_mixed = use.descending != roles.first_descending;
      roles.order_limited = true;
      add_once(roles.order, use.column);
    }
  }
  for (auto& [key, roles] : out) {
    std::stable_sort(roles.equality.begin(), roles.equality.end(), [&](const auto& a, const auto& b) {
      return distinct_values(*roles.table, a) > distinct_values(*roles.table, b);
    });
    if (roles.equality.size() > kMaxEqualityColumns) roles.equality.resize(kMaxEqualityColumns);
  }
  return out;
}

// Collects the candidates of one relation.
class Maker {
 public:
  Maker(const Roles& roles, std::int64_t query_id) : roles_(roles), query_id_(query_id) {}

  std::vector<IndexCandidate> make() {
    const auto& [table, equality, join, range, order, loose, mixed, limited, descending] = roles_;
    for (const auto& a : equality) add({a}, "equality on " + a, false);
    for (const auto& a : join) add({a}, "join on " + a, false);
    for (const auto& a : range) add({a}, "range on " + a, true);
    for (const auto& a : loose) add({a}, "one side of an OR on " + a, false);
    if (limited) add({order[0]}, "order by " + order[0] + " with LIMIT", true);
    for (std::size_t i = 0; i < equality.size(); ++i)
      for (std::size_t j = i + 1; j < equality.size(); ++j)
        add({equality[i], equality[j]}, "equality on " + equality[i] + " and " + equality[j], false);
    for (const auto& a : equality) {
      for (const auto& b : range) add({a, b}, "equality on " + a + ", then range on " + b, true);
      if (limited) add({a, order[0]}, "equality on " + a + ", then order by " + order[0] + " with LIMIT", true);
      for (const auto& b : join) {
        add({b, a}, "join on " + b + " and equality on " + a, false);
        add({a, b}, "equality on " + a + " and join on " + b, false);
      }
    }
    for (std::size_t i = 0; i < join.size(); ++i)
      for (std::size_t j = i + 1; j < join.size(); ++j)
        add({join[i], join[j]}, "join on " + join[i] + " and " + join[j], false);
    if (order.size() > 1) {
      add({order[0], order[1]}, "order by " + order[0] + ", " + order[1] + " with LIMIT", true);
      // Two directions need an index of two; one direction is read backwards.
      if (mixed && !made_.empty() && made_.back().columns.size() == 2 && made_.back().columns[1] == order[1])
        made_.back().descending[descending ? 0 : 1] = true;
    }
    return std::move(made_);
  }

 private:
  void add(std::vector<std::string> columns, std::string reason, bool by_range) {
    if (columns.size() == 2 && columns[0] == columns[1]) return;
    for (const auto& have : made_)
      if (have.columns == columns) return;
    IndexCandidate out;
    out.table_oid = roles_.table->oid;
    out.schema = roles_.table->schema;
    out.table = roles_.table->name;
    out.owner = roles_.table->owner;
    out.descending.assign(columns.size(), false);
    out.columns = std::move(columns);
    out.wanted_by = {query_id_};
    out.reason = std::move(reason);
    out.by_range = by_range;
    made_.push_back(std::move(out));
  }

  const Roles& roles_;
  std::int64_t query_id_;
  std::vector<IndexCandidate> made_;
};

bool is_in(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// Why an existing index makes the candidate needless; empty when none does.
std::string covered_by(const IndexCandidate& candidate, const Roles& roles, const DatabaseFacts& facts) {
  const auto& want = candidate.columns;
  for (const auto& index : facts.indexes) {
    if (index.table_oid != candidate.table_oid || index.method != "btree" || index.is_partial) continue;
    if (index.key_columns.empty() || is_in(index.key_columns, "")) continue;
    if (!index.is_valid) {
      if (index.key_columns.front() != want.front()) continue;
      return "the index " + index.name + ", which begins with " + want.front() +
             " too, is being built, or was left invalid and must go first";
    }
    const bool same_order =
        index.key_columns.size() >= want.size() && std::equal(want.begin(), want.end(), index.key_columns.begin());
    const bool fixed = std::all_of(index.key_columns.begin(), index.key_columns.end(), [&](const std::string& key) {
      return is_in(roles.equality, key) || is_in(roles.join, key);
    });
    if ((index.is_unique || index.is_primary) && fixed)
      return "the unique index " + index.name + " already finds the row";
    if (index.key_columns.size() < want.size()) continue;
    const bool both_equal = want.size() == 2 && is_in(roles.equality, want[0]) && is_in(roles.equality, want[1]);
    const bool swapped = both_equal && want[0] == index.key_columns[1] && want[1] == index.key_columns[0];
    const bool mixed =
        std::find(candidate.descending.begin(), candidate.descending.end(), true) != candidate.descending.end();
    if ((same_order || swapped) && !mixed) return "the index " + index.name + " already starts with these columns";
  }
  return {};
}

// The open change whose index overlaps the candidate, which must first show what it brings; empty when none does. The
// candidate's own change is no such.
std::string awaited(const IndexCandidate& candidate, const AdvisorOptions& options) {
  for (const auto& open : options.open_indexes) {
    if (open.schema != candidate.schema || open.table != candidate.table || open.columns.empty()) continue;
    if (open.columns.front() != candidate.columns.front() || open.columns == candidate.columns) continue;
    return "change " + open.change_id.substr(0, 8) + " (" + open.state + ") makes an index on (" +
           join(open.columns, ", ") + "), which begins with the same column: see first what that brings, or reject it";
  }
  return {};
}

std::string too_small(const TableFact& table, const AdvisorOptions& options) {
  if (table.extension_owned) return "the table belongs to an extension";
  if (table.relkind != 'r' && table.relkind != 'm' && table.relkind != 'p') return "not a table";
  if (table_rows(table) < options.min_table_rows)
    return "the table has " + count(table_rows(table)) + " rows, fewer than " + count(options.min_table_rows);
  if (table_bytes(table) < options.min_table_bytes)
    return "the table is smaller than the " + format_bytes(static_cast<double>(options.min_table_bytes)) +
           " from which an index is considered";
  return {};
}

}  // namespace

std::vector<IndexCandidate> statement_candidates(const WorkloadStatement& statement, const DatabaseFacts& facts,
                                                 const AdvisorOptions& options,
                                                 std::vector<RefusedAlternative>& refused) {
  std::vector<IndexCandidate> out;
  for (const auto& [key, roles] : roles_of(statement)) {
    auto made = Maker(roles, statement.delta.query_id).make();
    if (made.empty()) continue;
    if (auto why = too_small(*roles.table, options); !why.empty()) {
      refused.push_back({"any index on " + roles.table->qualified(), std::move(why)});
      continue;
    }
    for (auto& candidate : made) {
      auto why = covered_by(candidate, roles, facts);
      if (why.empty()) why = awaited(candidate, options);
      if (!why.empty()) {
        refused.push_back({describe(candidate), std::move(why)});
        continue;
      }
      const bool known =
          std::any_of(out.begin(), out.end(), [&](const IndexCandidate& have) { return same_index(have, candidate); });
      if (!known) out.push_back(std::move(candidate));
    }
  }
  return out;
}

std::string describe(const IndexCandidate& candidate) {
  std::string out = candidate.schema + "." + candidate.table + " (";
  for (std::size_t i = 0; i < candidate.columns.size(); ++i) {
    if (i > 0) out += ", ";
    out += candidate.columns[i];
    if (candidate.descending[i]) out += " DESC";
  }
  return out + ")";
}

std::string create_index_sql(const IndexCandidate& candidate, const std::string& name, bool concurrently) {
  std::string out = "CREATE INDEX ";
  if (concurrently) out += "CONCURRENTLY ";
  if (!name.empty()) out += quote_identifier(name) + " ";
  out += "ON " + quote_qualified(candidate.schema, candidate.table) + " USING btree (";
  for (std::size_t i = 0; i < candidate.columns.size(); ++i) {
    if (i > 0) out += ", ";
    out += quote_identifier(candidate.columns[i]);
    if (candidate.descending[i]) out += " DESC";
  }
  return out + ")";
}

bool same_index(const IndexCandidate& a, const IndexCandidate& b) {
  return a.table_oid == b.table_oid && a.columns == b.columns && a.descending == b.descending;
}

}  // namespace pgtend::advisors
