#pragma once

#include <cstdint>
#include <string>

// How much of one table is not needed by its rows, as measured; each field is a JSON field of the same name.
namespace pgtend::api {

struct BloatView {
  std::string database, schema, table;
  std::int64_t table_bytes = 0;  // main fork
  double scanned_ratio = 0;      // of its pages, 0..1: the rest is known by the visibility map to hold no dead row
  double live_rows = 0;          // estimated
  std::int64_t live_bytes = 0;   // estimated
  std::int64_t dead_rows = 0;
  std::int64_t dead_bytes = 0;  // VACUUM turns them into free space
  std::int64_t free_bytes = 0;  // estimated; new rows use it, only VACUUM FULL or a repack gives it back
  double bloat_ratio = 0;       // dead_bytes and free_bytes as a part of table_bytes, 0..1
};

}  // namespace pgtend::api
