#include "agent/change/kinds/drain_text.hpp"

#include "agent/base/strings.hpp"
#include "agent/change/kinds/drain_found.hpp"

namespace pgtend::change {
namespace {

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

std::string drain(const PartitionChange& d, const PartitionRange& range) {
  const auto parent = quote_qualified(d.schema, d.table), rest = quote_qualified(d.schema, d.default_partition);
  const auto part = quote_qualified(d.schema, range.partition), columns = columns_of(d);
  const auto condition = range_condition(d, range);
  const auto most = std::to_string(d.most_rows);
  // The parent first: a query that waits for it sees the new partition when it goes on. The constraint spares ATTACH a
  // second look at the moved rows.
  return do_block("moved bigint; arrived bigint;",
                  "LOCK TABLE ONLY " + parent + ", ONLY " + rest + " IN ACCESS EXCLUSIVE MODE; CREATE TABLE " + part +
                      " (LIKE " + parent + " INCLUDING ALL EXCLUDING IDENTITY, CONSTRAINT pgtend_range CHECK (" +
                      quote_identifier(d.key) + " IS NOT NULL AND " + condition +
                      ")); WITH taken AS (DELETE FROM ONLY " + rest + " WHERE " + condition + " RETURNING " + columns +
                      ") INSERT INTO " + part + " (" + columns + ") SELECT " + columns +
                      " FROM taken; GET DIAGNOSTICS moved = ROW_COUNT; IF moved > " + most +
                      " THEN RAISE EXCEPTION USING ERRCODE = '54000', MESSAGE = 'the range has more than " + most +
                      " rows'; END IF; SELECT count(*) INTO arrived FROM " + part +
                      "; IF arrived <> moved THEN RAISE EXCEPTION USING ERRCODE = '40000', MESSAGE = 'not all rows "
                      "arrived'; END IF; "
                      "ALTER TABLE " +
                      parent + " ATTACH PARTITION " + part + " FOR VALUES FROM (" + quote_literal(range.from) +
                      ") TO (" + quote_literal(range.to) + "); ALTER TABLE " + part + " DROP CONSTRAINT pgtend_range;");
}

std::string refill(const PartitionChange& d, const PartitionRange& range) {
  const auto parent = quote_qualified(d.schema, d.table), rest = quote_qualified(d.schema, d.default_partition);
  const auto part = quote_qualified(d.schema, range.partition), columns = columns_of(d);
  const auto most = std::to_string(d.most_rows);
  return do_block("held bigint; moved bigint;",
                  "LOCK TABLE ONLY " + parent + ", ONLY " + rest + ", ONLY " + part +
                      " IN ACCESS EXCLUSIVE MODE; SELECT count(*) INTO held FROM (SELECT FROM " + part + " LIMIT " +
                      std::to_string(d.most_rows + 1) + ") AS counted; IF held > " + most +
                      " THEN RAISE EXCEPTION USING ERRCODE = '54000', MESSAGE = 'the partition has more than " + most +
                      " rows'; END IF; ALTER TABLE " + parent + " DETACH PARTITION " + part + "; INSERT INTO " + rest +
                      " (" + columns + ") SELECT " + columns + " FROM " + part +
                      "; GET DIAGNOSTICS moved = ROW_COUNT; IF moved <> held THEN RAISE EXCEPTION USING ERRCODE = "
                      "'40000', MESSAGE = 'not all rows arrived'; END IF; DROP TABLE " +
                      part + ";");
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
