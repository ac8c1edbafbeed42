#include "rules/advisors/index_size.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "rules/advisors/window.hpp"

namespace pgtend::advisors {

namespace {

// Source of the page numbers: nbtree.h and itup.h of PostgreSQL 15 (IndexTupleData 8, ItemIdData 4, TID 6, page header
// 24, opaque 16); posting lists are cut at about 812 bytes (reference tuning.md 2.3, measured within 1 % on TPC-H).
constexpr double kTupleHeader = 8, kLinePointer = 4, kTid = 6, kPostingBytes = 812;
constexpr double kUsablePage = 8192 - 24 - 16;
constexpr double kLeafFill = 0.9;
constexpr double kDedupFrom = 1.5;     // rows per key
constexpr double kInnerPages = 1.005;  // upper levels of a tree with some 200 keys a page
// Source: prior of ours until the ledger has builds of this server: two passes over the table, one sort.
constexpr double kReadBytesPerSecond = 150.0 * 1024 * 1024;
constexpr double kSortRowsPerSecond = 1e6;

double width_of(const TableFact& table, const std::string& name) {
  const ColumnFact* column = find_column(table, name);
  if (column == nullptr) return 8;
  if (column->average_width > 0) return column->average_width;
  return column->type == "integer" || column->type == "date" ? 4 : 8;
}

double align8(double bytes) {
  return std::ceil(bytes / 8) * 8;
}

}  // namespace

const ColumnFact* find_column(const TableFact& table, const std::string& column) {
  const auto it = std::find_if(table.columns.begin(), table.columns.end(),
                               [&](const ColumnFact& fact) { return fact.name == column; });
  return it == table.columns.end() ? nullptr : &*it;
}

double distinct_values(const TableFact& table, const std::string& name) {
  const double rows = std::max(1.0, table_rows(table));
  const ColumnFact* column = find_column(table, name);
  if (column == nullptr || column->n_distinct == 0) return std::max(1.0, rows / 10);
  const double distinct = column->n_distinct < 0 ? -column->n_distinct * rows : column->n_distinct;
  return std::clamp(distinct, 1.0, rows);
}

bool can_deduplicate(const std::string& type) {
  const std::string base = type.substr(0, type.find_first_of("(["));
  // char(n), numeric, floats, interval, jsonb and containers compare equal without being the same bytes.
  static constexpr std::array<std::string_view, 9> kNot{
      "character", "numeric", "real", "double precision", "interval", "jsonb", "tsvector", "money", "bpchar"};
  return type.find("[]") == std::string::npos && std::find(kNot.begin(), kNot.end(), base) == kNot.end();
}

std::int64_t btree_bytes(const TableFact& table, const std::vector<std::string>& columns) {
  const double rows = table_rows(table);
  double width = 0, keys = 1;
  bool dedup = true;
  for (const auto& name : columns) {
    width += width_of(table, name);
    keys *= distinct_values(table, name);
    const ColumnFact* column = find_column(table, name);
    dedup = dedup && column != nullptr && can_deduplicate(column->type);
  }
  keys = std::clamp(keys, 1.0, std::max(1.0, rows));
  const double entry = kTupleHeader + align8(width) + kLinePointer;
  const double per_key = rows / keys;
  double bytes = rows * entry;
  if (dedup && per_key > kDedupFrom) {
    const double tids_per_list = std::max(1.0, std::floor((kPostingBytes - entry) / kTid));
    bytes = keys * (per_key * kTid + std::ceil(per_key / tids_per_list) * entry);
  }
  const double pages = std::ceil(bytes / (kUsablePage * kLeafFill)) * kInnerPages + 1;
  return static_cast<std::int64_t>(std::ceil(pages)) * kBlockBytes;
}

CostEstimate build_cost(const TableFact& table, std::int64_t index_bytes) {
  CostEstimate out;
  out.bytes = index_bytes;
  out.seconds =
      2 * static_cast<double>(table_bytes(table)) / kReadBytesPerSecond + table_rows(table) / kSortRowsPerSecond;
  // Every page of the new index is logged once.
  out.wal_bytes = index_bytes;
  return out;
}

}  // namespace pgtend::advisors
