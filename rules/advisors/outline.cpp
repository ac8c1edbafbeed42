#include "rules/advisors/outline.hpp"

namespace pgtend::advisors {

DatabaseFacts outline(const DatabaseFacts& facts) {
  DatabaseFacts out;
  out.instance = facts.instance;
  out.database = facts.database;
  out.database_oid = facts.database_oid;
  out.identity = facts.identity;
  out.taken_at = facts.taken_at;
  out.epoch = facts.epoch;
  out.statements_epoch = facts.statements_epoch;
  out.stats_reset = facts.stats_reset;
  out.statements_readable = facts.statements_readable;
  out.matviews = facts.matviews;
  out.statements = facts.statements;
  out.tables.reserve(facts.tables.size());
  for (const auto& table : facts.tables) out.tables.emplace_back(table).columns = {};
  out.indexes.reserve(facts.indexes.size());
  for (const auto& index : facts.indexes) {
    auto& counted = out.indexes.emplace_back();
    counted.oid = index.oid;
    counted.table_oid = index.table_oid;
    counted.idx_scan = index.idx_scan;
    counted.idx_tup_read = index.idx_tup_read;
  }
  for (const auto& [name, setting] : facts.settings) {
    auto& kept = out.settings[name];
    kept.name = name;
    kept.value = setting.value;
  }
  return out;
}

}  // namespace pgtend::advisors
