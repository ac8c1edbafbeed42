#include "agent/change/kinds/drain_text.hpp"

#include "agent/base/strings.hpp"

namespace pgtend::change {
namespace {

// Stands for the part's bound until format() puts it there.
constexpr std::string_view kBoundMark = "\x01";

std::string columns_of(const PartitionChange& d) {
  std::vector<std::string> names;
  for (const auto& column : d.columns) names.push_back(quote_identifier(column));
  return join(names, ", ");
}

// Not to be ended by anything that stands in it.
std::string do_block(const std::string& declared, const std::string& body) {
  std::string tag = "$pgtend$";
  while (body.find(tag) != std::string::npos) tag.insert(tag.size() - 1, "_");
  return "DO " + tag + " DECLARE " + declared + " BEGIN " + body + " END " + tag;
}

// A statement with the part's bound in place of each %L; `sql` may have percent signs of its own.
std::string with_bound(const std::string& sql, const std::string& into = {}) {
  std::string pattern;
  for (std::size_t at = 0; at < sql.size(); ++at) {
    const bool is_bound = sql.compare(at, kBoundMark.size(), kBoundMark) == 0;
    pattern += is_bound ? "%1$L" : sql[at] == '%' ? "%%" : std::string(1, sql[at]);
    if (is_bound) at += kBoundMark.size() - 1;
  }
  return "EXECUTE format(" + quote_literal(pattern) + ", bound)" + (into.empty() ? "" : " INTO " + into) + "; ";
}

// OVERRIDING: from 17 on a partition has its parent's identity column.
std::string move_rows(const std::string& from, const std::string& to, const std::string& columns,
                      const std::string& condition) {
  return "WITH taken AS (DELETE FROM ONLY " + from + " WHERE " + condition + " RETURNING " + columns +
         "), put AS (INSERT INTO " + to + " (" + columns + ") OVERRIDING SYSTEM VALUE SELECT " + columns +
         " FROM taken RETURNING 1) SELECT (SELECT count(*) FROM taken), (SELECT count(*) FROM put)";
}

std::string attach(const std::string& parent, const std::string& part, const PartitionRange& range) {
  return "ALTER TABLE " + parent + " ATTACH PARTITION " + part + " FOR VALUES FROM (" + quote_literal(range.from) +
         ") TO (" + std::string(kBoundMark) + ")";
}

constexpr auto kDeclared =
    "bound text := current_setting('pgtend.bound'); begun timestamptz; gone bigint; arrived bigint;";
constexpr auto kBegun = " IN ACCESS EXCLUSIVE MODE; begun := clock_timestamp(); ";
constexpr auto kCompare =
    "IF arrived <> gone THEN RAISE EXCEPTION USING ERRCODE = '40000', MESSAGE = 'not all rows arrived'; END IF; ";
constexpr auto kTold =
    "PERFORM set_config('pgtend.locked_ms', ceil(extract(epoch FROM clock_timestamp() - begun) * 1000)::text, false);";

std::string drain(const PartitionChange& d, const PartitionRange& range) {
  const auto parent = quote_qualified(d.schema, d.table), rest = quote_qualified(d.schema, d.default_partition);
  const auto part = quote_qualified(d.schema, range.partition), key = quote_identifier(d.key);
  const auto condition = key + " >= " + quote_literal(range.from) + " AND " + key + " < " + std::string(kBoundMark);
  // The parent first: a query that waits for it sees the new bounds when it goes on.
  return do_block(kDeclared, "IF to_regclass(" + quote_literal(part) + ") IS NULL THEN LOCK TABLE ONLY " + parent +
                                 ", ONLY " + rest + kBegun + "CREATE TABLE " + part + " (LIKE " + parent +
                                 " INCLUDING ALL EXCLUDING IDENTITY); ELSE LOCK TABLE ONLY " + parent + ", ONLY " +
                                 rest + ", ONLY " + part + kBegun + "ALTER TABLE " + parent + " DETACH PARTITION " +
                                 part + "; END IF; " +
                                 with_bound(move_rows(rest, part, columns_of(d), condition), "gone, arrived") +
                                 kCompare + with_bound(attach(parent, part, range)) + kTold);
}

std::string refill(const PartitionChange& d, const PartitionRange& range) {
  const auto parent = quote_qualified(d.schema, d.table), rest = quote_qualified(d.schema, d.default_partition);
  const auto part = quote_qualified(d.schema, range.partition), columns = columns_of(d);
  const auto condition = quote_identifier(d.key) + " >= " + std::string(kBoundMark);
  return do_block(kDeclared, "LOCK TABLE ONLY " + parent + ", ONLY " + rest + ", ONLY " + part + kBegun +
                                 "ALTER TABLE " + parent + " DETACH PARTITION " + part + "; IF bound = '' THEN " +
                                 move_rows(part, rest, columns, "true") + " INTO gone, arrived; ELSE " +
                                 with_bound(move_rows(part, rest, columns, condition), "gone, arrived") + "END IF; " +
                                 kCompare + "IF bound = '' THEN DROP TABLE " + part + "; ELSE " +
                                 with_bound(attach(parent, part, range)) + "END IF; " + kTold);
}

}  // namespace

std::vector<std::string> drain_statements(const PartitionChange& d) {
  std::vector<std::string> out;
  for (const auto& range : d.ranges) out.push_back(drain(d, range));
  return out;
}

std::vector<std::string> refill_statements(const PartitionChange& d) {
  std::vector<std::string> out;
  for (auto range = d.ranges.rbegin(); range != d.ranges.rend(); ++range) out.push_back(refill(d, *range));
  return out;
}

}  // namespace pgtend::change
