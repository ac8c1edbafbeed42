#include "collectors/postgres/statements.hpp"

#include "collectors/postgres/settings.hpp"
#include "collectors/postgres/sizes.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

TEST_CASE("only ids never seen are asked for, once each, up to the limit") {
  RowSet rows;
  rows.columns = {"queryid"};
  rows.rows = {{"5"}, {"-7"}, {"5"}, {std::nullopt}, {"9"}, {"11"}};
  CHECK(unseen_query_ids(rows, {9}, 2) == std::vector<std::int64_t>{5, -7});
  CHECK(unseen_query_ids(rows, {5, -7, 9, 11}).empty());
  CHECK(bigint_array({5, -7}) == "{5,-7}");
  CHECK(bigint_array({}) == "{}");
}

TEST_CASE("texts are asked for where the extension lives, and refused where it is not") {
  ServerShape shape;
  CHECK_FALSE(statement_texts_sql(shape));
  shape.extensions["pg_stat_statements"] = "1.10";
  shape.extension_schemas["pg_stat_statements"] = "ext";
  const auto sql = statement_texts_sql(shape);
  REQUIRE(sql);
  CHECK(sql->find("FROM \"ext\".pg_stat_statements") != std::string::npos);
}

TEST_CASE("comments and string constants never leave, parameters and identifiers stay") {
  CHECK(safe_statement_text("SELECT * FROM t WHERE a = $1 /* user bob /* nested */ x */ AND \"b'c\" = $2 -- tail") ==
        "SELECT * FROM t WHERE a = $1   AND \"b'c\" = $2");
  CHECK(safe_statement_text("select 'O''Brien', E'a\\'b', $tag$secret$tag$, $1, a$b") ==
        "select '?', E'?', '?', $1, a$b");
  CHECK(safe_statement_text("select 'never closed") == "select '?'");
  CHECK(safe_statement_text(" (SELECT 1)") == "(SELECT 1)");
}

TEST_CASE("a utility statement keeps two words, because it may hold a password") {
  CHECK(safe_statement_text("ALTER ROLE alice PASSWORD 'x'") == "ALTER ROLE");
  CHECK(safe_statement_text("/* c */ CREATE USER MAPPING FOR x OPTIONS (password 'y')") == "CREATE USER");
  CHECK(safe_statement_text("<insufficient privilege>").empty());
}

TEST_CASE("texts come back by id, the forbidden ones left out") {
  RowSet rows;
  rows.columns = {"queryid", "query"};
  rows.rows = {{"1", "SELECT $1"}, {"2", "<insufficient privilege>"}, {std::nullopt, "SELECT 2"}};
  CHECK(statement_texts(rows) == std::map<std::int64_t, std::string>{{1, "SELECT $1"}});
}

TEST_CASE("relations to measure are cut into chunks and a locked chunk into halves") {
  RowSet rows;
  rows.columns = {"oid"};
  for (int i = 1; i <= 5; ++i) rows.rows.push_back({std::to_string(i)});
  CHECK(oid_chunks(rows, 2) == std::vector<std::string>{"{1,2}", "{3,4}", "{5}"});
  CHECK(oid_chunks(RowSet{}).empty());
  CHECK(split_chunk("{1,2,3}") == std::vector<std::string>{"{1}", "{2,3}"});
  CHECK(split_chunk("{1}").empty());
}

TEST_CASE("settings are named and scaled as postgres_exporter does") {
  RowSet rows;
  rows.columns = {"name", "setting", "unit", "vartype"};
  rows.rows = {{"shared_buffers", "16384", "8kB", "integer"},
               {"autovacuum_naptime", "60", "s", "integer"},
               {"log_min_duration_statement", "-1", "ms", "integer"},
               {"checkpoint_timeout", "5", "min", "integer"},
               {"fsync", "on", std::nullopt, "bool"},
               {"my.app-x", "0.5", std::nullopt, "real"},
               {"max_wal_size", "1024", "MB", "integer"},
               {"bgwriter_delay", "200", "ms", "integer"}};
  const auto run = settings_series(rows, {}, "");
  std::map<std::string, double> by_name;
  for (const auto& sample : run.samples) by_name[to_string(sample.key)] = sample.value;
  CHECK(by_name == std::map<std::string, double>{{"pg_settings_shared_buffers_bytes", 134217728},
                                                 {"pg_settings_autovacuum_naptime_seconds", 60},
                                                 {"pg_settings_log_min_duration_statement_seconds", -1},
                                                 {"pg_settings_checkpoint_timeout_seconds", 300},
                                                 {"pg_settings_fsync", 1},
                                                 {"pg_settings_my_app_x", 0.5},
                                                 {"pg_settings_max_wal_size_bytes", 1073741824},
                                                 {"pg_settings_bgwriter_delay_seconds", 0.2}});
}
