#pragma once

#include <string>

#include "agent/change/kinds/asker.hpp"
#include "agent/model/advice.hpp"

// What the catalogs say of one partition and its parent.
namespace pgtend::change {

struct FoundPartition {
  bool has_parent = false, exists = false, is_table = false;
  bool attached = false;   // to this parent, also while it is being detached
  bool pending = false;    // its detachment was begun and not finished
  bool elsewhere = false;  // a partition of another table
  bool has_pages = false;  // of the partition: it holds rows, or held some
  bool default_has_pages = false;
  bool has_default = false;
  bool detaches_concurrently = false;  // the server can, and there is no DEFAULT partition
  std::string key;                     // "RANGE (id)"
  std::string oid, parent_oid, bound, comment;
  double days_since_detached = -1;  // by the comment; -1: it has none
};
net::TaskResult<FoundPartition> find_partition(Asker* asker, PartitionChange d);

// The CHECK constraints of a partition, as the text of an array of names; "{}" when there is no such table.
net::TaskResult<std::string> checks_of(Asker* asker, PartitionChange d);
// DETACH CONCURRENTLY leaves a CHECK that says what the bounds say. Of an attached partition it is dropped, unless it
// is among `before` (empty: nobody looked, and none is dropped): each INSERT would pay for it.
net::TaskResult<RowSet> drop_check_of_bounds(Asker* asker, PartitionChange d, std::string before);

// The end of a detached partition's comment: "pgtend:ID detached 2026-11-28 02:16:52+00".
[[nodiscard]] std::string detached_mark(const std::string& change_id);
// A comment without such an end.
[[nodiscard]] std::string without_mark(const std::string& comment);

}  // namespace pgtend::change
