#include <algorithm>
#include <map>

#include "agent/config/check_file.hpp"
#include "rules/checks/registry.hpp"
#include "rules/checks/run_check.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_cluster.hpp"

using namespace pgtend;

namespace {

// Every shipped check, by name, as it runs against this server.
std::map<std::string, std::vector<Finding>> run_all(const test::PgCluster& cluster, const std::string& database,
                                                    const std::string& user) {
  std::map<std::string, std::vector<Finding>> out;
  auto session = cluster.session(database, user);
  for (const auto& file : embedded::check_files()) {
    INFO(file.name);
    const auto decoded = config::decode_check(file.text, std::string(file.name));
    REQUIRE(decoded.errors.empty());
    for (const auto& check : decoded.checks)
      out[check.name] = checks::findings_from(check, session.rows(check.sql), "main", database, UtcTime{});
  }
  return out;
}

bool names(const std::vector<Finding>& findings, const std::string& subject) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const Finding& finding) { return finding.subject == subject; });
}

}  // namespace

TEST_CASE("the shipped checks find what was planted, also for a role without rights") {
  test::PgCluster cluster;
  cluster.exec("postgres", "CREATE DATABASE shop");
  // What pgtend setup makes.
  cluster.exec("shop",
               "CREATE SCHEMA pgtend; CREATE VIEW pgtend.md5_passwords AS SELECT 2::bigint AS roles;"
               "GRANT USAGE ON SCHEMA pgtend TO PUBLIC; GRANT SELECT ON pgtend.md5_passwords TO PUBLIC");
  cluster.exec("shop",
               "CREATE ROLE nobody_special LOGIN; CREATE SCHEMA sales; GRANT CREATE ON SCHEMA sales TO PUBLIC; "
               "CREATE TABLE sales.keyless (a int); INSERT INTO sales.keyless VALUES (1), (1); "
               "CREATE UNLOGGED TABLE sales.volatile (a int PRIMARY KEY); "
               "CREATE SEQUENCE sales.full_seq MAXVALUE 100; SELECT setval('sales.full_seq', 90); "
               "CREATE TABLE sales.tickets (id int PRIMARY KEY, wide bigint); "
               "CREATE SEQUENCE sales.narrow_seq OWNED BY sales.tickets.id; "
               "CREATE SEQUENCE sales.wide_seq OWNED BY sales.tickets.wide; "
               "SELECT setval('sales.narrow_seq', 2000000000), setval('sales.wide_seq', 2000000000)");
  // A unique build over equal rows fails and leaves its invalid index behind.
  auto session = cluster.session("shop");
  CHECK(session.sqlstate_of("CREATE UNIQUE INDEX CONCURRENTLY broken_idx ON sales.keyless (a)") == "23505");
  cluster.exec("postgres", "ALTER SYSTEM SET password_encryption = 'md5'");
  cluster.exec("postgres", "ALTER SYSTEM SET max_connections = 50");
  cluster.reload();

  auto found = run_all(cluster, "shop", "postgres");
  for (int i = 0; i < 100 && !names(found["pending_restart"], "setting max_connections"); ++i)
    found = run_all(cluster, "shop", "postgres");
  CHECK(names(found["invalid_index"], "sales.broken_idx"));
  REQUIRE(names(found["md5_passwords"], "roles with MD5 passwords"));
  CHECK_THAT(found["md5_passwords"][0].summary, ContainsSubstring("2 roles that log in"));
  CHECK(names(found["missing_primary_key"], "sales.keyless"));
  CHECK_FALSE(names(found["missing_primary_key"], "sales.volatile"));
  CHECK(names(found["unlogged_table"], "sales.volatile"));
  REQUIRE(names(found["sequence_exhausted"], "sales.full_seq"));
  CHECK(found["sequence_exhausted"].front().evidence.front().value > 0.8);
  CHECK(names(found["sequence_exhausted"], "sales.narrow_seq"));
  CHECK_FALSE(names(found["sequence_exhausted"], "sales.wide_seq"));
  CHECK(names(found["public_create"], "schema sales"));
  CHECK(names(found["password_encryption"], "setting password_encryption"));
  CHECK(names(found["pending_restart"], "setting max_connections"));
  CHECK(names(found["durability_off"], "setting fsync"));
  CHECK(found["ssl_off"].empty());
  CHECK(found["autovacuum_off"].empty());

  const auto plain = run_all(cluster, "shop", "nobody_special");
  CHECK(names(plain.at("invalid_index"), "sales.broken_idx"));
  CHECK(names(plain.at("durability_off"), "setting fsync"));
}
