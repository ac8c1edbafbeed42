#include "collectors/postgres/facts.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

// What comes of all answers at once.
Result<DatabaseFacts> build_facts(const std::map<std::string, RowSet>& answers, const ServerShape& shape,
                                  std::string instance, std::string database, UtcTime now) {
  FactsBuilder builder(shape, std::move(instance), std::move(database), now);
  for (const auto& query : fact_queries(shape)) {
    const auto at = answers.find(query.name);
    builder.add(query.name, at == answers.end() ? std::nullopt : std::optional<RowSet>(at->second));
  }
  return builder.finish();
}

RowSet table(std::vector<std::string> columns, std::vector<std::vector<std::optional<std::string>>> rows) {
  RowSet out;
  out.columns = std::move(columns);
  out.rows = std::move(rows);
  return out;
}

std::map<std::string, RowSet> answers() {
  std::map<std::string, RowSet> out;
  out["database"] = table({"oid", "stats_reset", "epoch", "reads_all_stats", "active_backends"},
                          {{"16384", "2026-11-23 10:00:00+00", "1/2", "t", "3"}});
  out["tables"] =
      table({"oid", "schema", "name", "relkind", "reltuples", "reloptions", "n_dead_tup", "last_autovacuum"},
            {{"100", "public", "orders", "r", "1000", "{autovacuum_vacuum_scale_factor=0.01,fillfactor=90}", "7",
              "2026-11-23 11:00:00+00"},
             {"101", "public", "empty", "r", "-1", std::nullopt, std::nullopt, std::nullopt}});
  out["columns"] = table(
      {"attrelid", "attnum", "attname", "attnotnull", "type", "n_distinct", "null_frac", "avg_width", "correlation"},
      {{"100", "1", "id", "t", "bigint", "-1", "0", "8", "0.99"},
       {"100", "2", "customer", "f", "integer", std::nullopt, std::nullopt, std::nullopt, std::nullopt},
       {"999", "1", "gone", "f", "text", "1", "0", "1", "0"}});
  out["indexes"] =
      table({"indexrelid", "indrelid", "schema", "name", "method", "indnkeyatts", "column_names", "keys", "classes",
             "collations", "options", "flags"},
            {{"200", "100", "public", "a", "btree", "1", "{customer,id}", "2 1", "1978", "0", "0", "fffffttfffff"},
             {"201", "100", "public", "b", "btree", "1", "{customer,id}", "2 1", "1978", "0", "0", "fffffttfffff"},
             {"202", "100", "public", "c", "btree", "1", "{\"\"}", "0", "1978", "0", "0", "tffffttfffff"},
             {"203", "100", "public", "d", "btree", "1", "{\"\"}", "0", "1978", "0", "0", "tffffftfffff"}});
  out["foreign_keys"] = table({"conrelid", "conkey"}, {{"100", "{2}"}});
  return out;
}

ServerShape shape() {
  ServerShape out;
  out.identity.version_num = 150020;
  out.extensions["pg_stat_statements"] = "1.10";
  out.extension_schemas["pg_stat_statements"] = "public";
  return out;
}

const IndexFact& index(const DatabaseFacts& facts, const std::string& name) {
  const auto it =
      std::find_if(facts.indexes.begin(), facts.indexes.end(), [&](const auto& i) { return i.name == name; });
  REQUIRE(it != facts.indexes.end());
  return *it;
}

}  // namespace

TEST_CASE("facts without the database's own row are an error worth a retry") {
  const auto facts = build_facts({}, shape(), "main", "shop", {});
  REQUIRE_FALSE(facts);
  CHECK(facts.error().code == Errc::unavailable);
  CHECK(facts.error().retryable);
}

TEST_CASE("answers that never came leave their parts empty and nothing else") {
  std::map<std::string, RowSet> only{{"database", answers()["database"]}};
  const auto facts = build_facts(only, shape(), "main", "shop", from_ms(5));
  REQUIRE(facts);
  CHECK(facts->database_oid == 16384);
  CHECK(facts->active_backends == 3);
  CHECK(facts->taken_at == from_ms(5));
  CHECK(facts->tables.empty());
  CHECK_FALSE(facts->statements_readable);
  CHECK(facts->epoch == epoch_hash(shape().identity, "1/2"));
}

TEST_CASE("tables carry their options, counters and columns, and NULL is nothing known") {
  const auto facts = build_facts(answers(), shape(), "main", "shop", {});
  REQUIRE(facts);
  const auto* orders = facts->table("public", "orders");
  REQUIRE(orders);
  CHECK(orders->options.at("autovacuum_vacuum_scale_factor") == "0.01");
  CHECK(orders->n_dead_tup == 7);
  CHECK(orders->last_autovacuum == parse_rfc3339("2026-11-23T11:00:00Z"));
  REQUIRE(orders->columns.size() == 2);
  CHECK(orders->columns[0].correlation == 0.99);
  CHECK(orders->columns[0].not_null);
  CHECK_FALSE(orders->columns[1].correlation);
  CHECK(orders->columns[1].n_distinct == 0);
  CHECK_FALSE(facts->table("public", "empty")->last_vacuum);
}

TEST_CASE("indexes split keys from included columns and recognise equals and foreign keys") {
  const auto facts = build_facts(answers(), shape(), "main", "shop", {});
  REQUIRE(facts);
  const auto& a = index(*facts, "a");
  CHECK(a.key_columns == std::vector<std::string>{"customer"});
  CHECK(a.include_columns == std::vector<std::string>{"id"});
  CHECK(a.supports_foreign_key);
  CHECK(a.signature == index(*facts, "b").signature);
}

TEST_CASE("expressions of a locked table are never each other's duplicates") {
  auto with = answers();
  auto facts = build_facts(with, shape(), "main", "shop", {});
  REQUIRE(facts);
  CHECK(index(*facts, "c").signature != index(*facts, "d").signature);
  CHECK(index(*facts, "c").definition.empty());
  with["index_definitions"] = table({"indexrelid", "definition", "expressions", "predicate"},
                                    {{"202", "CREATE INDEX c …", "lower(name)", std::nullopt},
                                     {"203", "CREATE INDEX d …", "lower(name)", std::nullopt}});
  facts = build_facts(with, shape(), "main", "shop", {});
  REQUIRE(facts);
  CHECK(index(*facts, "c").signature == index(*facts, "d").signature);
  CHECK_FALSE(index(*facts, "d").is_valid);
}

TEST_CASE("statements are asked for only where the extension is") {
  const auto names = [](const ServerShape& of) {
    std::vector<std::string> out;
    for (const auto& query : fact_queries(of)) out.push_back(query.name);
    return out;
  };
  const auto with = names(shape()), without = names({});
  CHECK(std::count(with.begin(), with.end(), "statements") == 1);
  CHECK(std::count(without.begin(), without.end(), "statements") == 0);
  CHECK(std::count(without.begin(), without.end(), "tables") == 1);
}
