#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "agent/model/advice.hpp"
#include "agent/model/facts.hpp"

// Hand-built facts: one database "shop", two readings an hour apart.
namespace pgtend::test {

inline constexpr Millis kHour{3'600'000};

struct Scene {
  DatabaseFacts before, now;

  Scene() {
    before.instance = "main";
    before.database = "shop";
    before.database_oid = 5;
    before.identity.system_identifier = "7000000000000000001";
    before.identity.version_num = 150020;
    before.taken_at = from_ms(1'700'000'000'000);
    before.epoch = before.statements_epoch = 1;
    before.extensions = {{"pg_stat_statements", "1.10"}, {"hypopg", "1.3.1"}};
    before.stats_reset = before.taken_at - kHour;
    now = before;
    now.taken_at += kHour;
  }

  // Applies to both readings, then `grow` to the later one.
  TableFact& table(Oid oid, const std::string& name, double rows, std::vector<ColumnFact> columns) {
    TableFact out;
    out.oid = oid;
    out.schema = "public";
    out.name = name;
    out.owner = "shop_owner";
    out.reltuples = rows;
    out.n_live_tup = static_cast<std::int64_t>(rows);
    out.relpages = static_cast<std::int64_t>(rows / 50);
    out.columns = std::move(columns);
    before.tables.push_back(out);
    now.tables.push_back(out);
    return now.tables.back();
  }

  static ColumnFact column(const std::string& name, const std::string& type, double distinct, int width = 4) {
    ColumnFact out;
    out.name = name;
    out.type = type;
    out.n_distinct = distinct;
    out.average_width = width;
    return out;
  }

  IndexFact& index(Oid oid, Oid table, const std::string& name, std::vector<std::string> columns) {
    IndexFact out;
    out.oid = oid;
    out.table_oid = table;
    out.schema = "public";
    out.name = name;
    out.method = "btree";
    out.key_columns = columns;
    out.bytes = 50LL << 20;
    out.idx_scan = 10;
    std::string list;
    for (const auto& column_name : columns) list += (list.empty() ? "" : ", ") + column_name;
    out.definition = "CREATE INDEX " + name + " ON public." + now.table(table)->name + " USING btree (" + list + ")";
    out.signature = std::to_string(table) + "|" + list;
    before.indexes.push_back(out);
    now.indexes.push_back(out);
    return now.indexes.back();
  }

  // Calls and time fall into the window.
  StatementFact& statement(std::int64_t id, const std::string& text, std::int64_t calls, double total_ms,
                           std::int64_t rows = 1, const std::string& user = "app") {
    StatementFact out;
    out.query_id = id;
    out.database_oid = 5;
    out.user = user;
    out.text = text;
    before.statements.push_back(out);
    out.calls = calls;
    out.rows = rows * calls;
    out.total_exec_ms = total_ms;
    now.statements.push_back(out);
    return now.statements.back();
  }
};

inline bool says(const std::vector<RefusedAlternative>& refused, const std::string& what, const std::string& why) {
  return std::any_of(refused.begin(), refused.end(), [&](const RefusedAlternative& entry) {
    return entry.what.find(what) != std::string::npos && entry.why.find(why) != std::string::npos;
  });
}

}  // namespace pgtend::test
