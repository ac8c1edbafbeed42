#pragma once

#include <string>
#include <vector>

#include "agent/change/kinds/asker.hpp"
#include "agent/model/advice.hpp"

// What the catalogs say of a DEFAULT partition that is to be drained.
namespace pgtend::change {

struct FoundDefault {
  std::string parent_oid, name, schema, oid;  // of the DEFAULT partition; its name is empty when there is none
  std::string strategy_key;                   // "RANGE (at)"
  std::string key;                            // the one column of the key; empty: more than one, or an expression
  std::vector<std::string> columns;           // that are not generated, in the order of the parent
  std::int64_t bytes = 0;                     // that are scanned under the lock
  std::vector<std::string> obstacles;         // each a reason why moving its rows would do more than move them
};
// Errors: not_found (no such partitioned table), the server's.
net::TaskResult<FoundDefault> find_default(Asker* asker, PartitionChange d);

struct FoundRange {
  bool exists = false, attached = false;
  bool whole = false;  // its bounds are the range's, not only the lower one
  std::string upper;   // its upper bound, when that is a value
  std::string comment;
};
net::TaskResult<FoundRange> find_range(Asker* asker, PartitionChange d, PartitionRange range);

// Where the next part of about `rows` rows ends, as text; empty: nothing bounds it but the range itself. Rows of one
// key stay together. `lower`: where the range's partition ends, or the range begins.
net::TaskResult<std::string> next_bound(Asker* asker, PartitionChange d, std::string lower, std::string to,
                                        std::int64_t rows);
// The same from the end of a partition that is emptied; empty: all its rows are fewer.
net::TaskResult<std::string> last_bound(Asker* asker, PartitionChange d, std::string partition, std::int64_t rows);

// Rows of the range in that table, counted up to `most` + 1. Errors: the server's.
net::TaskResult<std::int64_t> count_rows(Asker* asker, std::string table, std::string condition, std::int64_t most);

// "key >= 'a' AND key < 'b'".
[[nodiscard]] std::string range_condition(const PartitionChange& d, const PartitionRange& range);

}  // namespace pgtend::change
