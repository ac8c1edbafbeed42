#include "rules/migrations/export.hpp"

#include "rules/migrations/lint.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using migrations::file_slug;
using migrations::migration_text;
using migrations::MigrationSource;

namespace {

MigrationSource source(std::vector<std::string> up, std::vector<std::string> down) {
  return {"change c1, plan hash abcd",
          "create_index of public.orders in shop",
          "shop_owner",
          "low",
          std::move(up),
          std::move(down)};
}

void check_clean(const std::string& text) {
  INFO(text);
  CHECK(migrations::lint(text, {}, "V1__x.sql").empty());
}

}  // namespace

TEST_CASE("a change becomes a migration file with its way back outside a transaction") {
  const auto text =
      migration_text(source({"CREATE INDEX CONCURRENTLY \"i\" ON \"public\".\"orders\" (\"customer_id\")"},
                            {"DROP INDEX CONCURRENTLY \"public\".\"i\""}),
                     "V1__x.sql");
  CHECK(text ==
        "-- pgtend: tx=none role=shop_owner risk=low\n"
        "-- create_index of public.orders in shop\n"
        "-- From change c1, plan hash abcd.\n"
        "-- @up\n"
        "CREATE INDEX CONCURRENTLY \"i\" ON \"public\".\"orders\" (\"customer_id\");\n"
        "-- @down\n"
        "DROP INDEX CONCURRENTLY \"public\".\"i\";\n");
  check_clean(text);
}

TEST_CASE("a change that takes a strong lock says what it allows") {
  const auto text = migration_text(source({"REFRESH MATERIALIZED VIEW \"public\".\"sales\""}, {}), "V1__x.sql");
  CHECK(text.find("-- lint: allow-file refresh-matview-blocking: as decided with change c1") != std::string::npos);
  CHECK(text.find("-- lint: allow-file missing-down: ") != std::string::npos);
  CHECK(text.find("-- @up\nREFRESH") != std::string::npos);
  CHECK(text.starts_with("-- pgtend: role=shop_owner risk=low\n"));
  CHECK(text.find("tx=none") == std::string::npos);
  check_clean(text);
}

TEST_CASE("every kind of change that pgtend makes lints clean as a file") {
  for (const auto& [up, down] : std::vector<std::pair<std::string, std::string>>{
           {"ALTER SYSTEM SET \"work_mem\" = '64MB'", "ALTER SYSTEM RESET \"work_mem\""},
           {"ALTER ROLE \"app\" SET \"work_mem\" = '64MB'", "ALTER ROLE \"app\" RESET \"work_mem\""},
           {"ALTER TABLE \"public\".\"t\" SET (autovacuum_vacuum_scale_factor = 0.02)",
            "ALTER TABLE \"public\".\"t\" RESET (autovacuum_vacuum_scale_factor)"},
           {"VACUUM (ANALYZE) \"public\".\"t\"", ""},
           {"ANALYZE \"public\".\"t\"", ""},
           {"REINDEX INDEX CONCURRENTLY \"public\".\"i\"", ""},
           {"DROP INDEX CONCURRENTLY \"public\".\"i\"", "CREATE INDEX CONCURRENTLY i ON public.t USING btree (a)"},
           {"REFRESH MATERIALIZED VIEW CONCURRENTLY \"public\".\"v\"", ""}})
    check_clean(
        migration_text(source({up}, down.empty() ? std::vector<std::string>() : std::vector{down}), "V1__x.sql"));
}

TEST_CASE("names with anything in them stay in their place") {
  auto odd = source({"ANALYZE \"t\""}, {});
  odd.role = "Odd role\n; DROP";
  odd.about = "of \"x\"\nDROP TABLE orders;";
  const auto text = migration_text(odd, "V1__x.sql");
  CHECK(text.starts_with("-- pgtend: role=\"Odd role ; DROP\" risk=low\n-- of \"x\" DROP TABLE orders;\n-- From"));
  check_clean(text);
  CHECK(file_slug("create_index public.Orders (Größe)") == "create_index_public_orders_gr_e");
  CHECK(file_slug("../../etc") == "etc");
  CHECK(file_slug("…") == "change");
}
