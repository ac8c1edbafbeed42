#include <algorithm>

#include "rules/advisors/autovacuum_behind.hpp"
#include "rules/advisors/duplicate_index.hpp"
#include "rules/advisors/stale_matview.hpp"
#include "rules/advisors/unused_index.hpp"
#include "rules/advisors/work_mem_spills.hpp"
#include "tests/pg/advisors/advice_scene.hpp"
#include "tests/support/pg_programs.hpp"

using namespace pgtend;
using pgtend::test::AdviceScene;

namespace {

const Recommendation* about(const Advice& advice, const std::string& text) {
  const auto it = std::find_if(advice.recommendations.begin(), advice.recommendations.end(), [&](const auto& made) {
    return made.change.sql_up.at(0).find(text) != std::string::npos;
  });
  return it == advice.recommendations.end() ? nullptr : &*it;
}

bool refuses(const Advice& advice, const std::string& what, const std::string& why) {
  return std::any_of(advice.refused.begin(), advice.refused.end(), [&](const auto& refused) {
    return refused.what.find(what) != std::string::npos && refused.why.find(why) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("duplicate and unused indexes are found, and those that bind something are refused") {
  const int major = GENERATE(from_range(pgtend::test::sample_majors()));
  CAPTURE(major);
  AdviceScene scene("postgres", major);
  scene.exec(
      "CREATE TABLE sales.customers (id int PRIMARY KEY, email text UNIQUE); "
      "CREATE TABLE sales.orders (id int PRIMARY KEY, customer_id int REFERENCES sales.customers, note text, day "
      "date); "
      "CREATE INDEX orders_id_again ON sales.orders (id); "
      "CREATE INDEX orders_customer ON sales.orders (customer_id); "
      "CREATE INDEX orders_note ON sales.orders (note); "
      "CREATE INDEX orders_note_twice ON sales.orders (note); "
      "CREATE INDEX orders_note_lower ON sales.orders (lower(note)); "
      "CREATE INDEX orders_note_desc ON sales.orders (note DESC); "
      "CREATE INDEX orders_day ON sales.orders (day); "
      "INSERT INTO sales.customers SELECT g, 'c' || g FROM generate_series(1, 2000) g; "
      "INSERT INTO sales.orders SELECT g, 1 + g % 2000, 'note ' || g, '2024-01-01' FROM generate_series(1, 60000) g");
  scene.exec("VACUUM ANALYZE");
  const auto before = scene.read();
  const auto now = scene.read();
  advisors::AdvisorOptions options;
  options.unused_index_window = Millis(3'600'000);
  options.min_unused_index_bytes = 8192;

  const Advice twice = advisors::duplicate_index(*before, *now, options);
  CHECK(about(twice, "\"orders_id_again\"") != nullptr);
  CHECK(about(twice, "\"orders_note_twice\"") != nullptr);
  CHECK(about(twice, "orders_pkey") == nullptr);
  CHECK(about(twice, "orders_note_lower") == nullptr);
  CHECK(about(twice, "orders_note_desc") == nullptr);

  const Advice idle = advisors::unused_index(*before, *now, options);
  const auto* day = about(idle, "\"orders_day\"");
  REQUIRE(day != nullptr);
  CHECK(refuses(idle, "sales.orders_pkey", "primary key"));
  CHECK(refuses(idle, "sales.customers_email_key", "backs a constraint"));
  CHECK(refuses(idle, "sales.orders_customer", "foreign key"));

  // The way back really leads back.
  const auto definition = scene.exec("SELECT pg_get_indexdef('sales.orders_day'::regclass)");
  scene.exec(day->change.sql_up.at(0));
  CHECK(scene.exec("SELECT to_regclass('sales.orders_day')").empty());
  scene.exec(day->change.sql_down.at(0));
  CHECK(scene.exec("SELECT pg_get_indexdef('sales.orders_day'::regclass)") == definition);
}

TEST_CASE("a stale view is found through its base tables and the refresh runs, and without changes there is a reason") {
  AdviceScene scene;
  scene.exec(
      "CREATE TABLE sales.orders (id int PRIMARY KEY, day date, total int); "
      "INSERT INTO sales.orders SELECT g, date '2024-01-01' + g % 30, g FROM generate_series(1, 20000) g; "
      "CREATE VIEW sales.recent AS SELECT * FROM sales.orders WHERE id > 10; "
      "CREATE MATERIALIZED VIEW sales.daily AS SELECT day, sum(total) AS total FROM sales.recent GROUP BY day; "
      "CREATE UNIQUE INDEX ON sales.daily (day); ANALYZE");
  const auto before = scene.read();
  auto past = advisors::remember_matviews({}, *before);
  CHECK(refuses(advisors::stale_matview(*before, *before, past, {}), "sales.daily", "nothing changed"));

  scene.exec("INSERT INTO sales.orders SELECT g, '2024-02-01', g FROM generate_series(20001, 25000) g");
  scene.exec("SELECT count(*) FROM sales.daily");
  const auto now = scene.read();
  past = advisors::remember_matviews(std::move(past), *now);
  const Advice advice = advisors::stale_matview(*before, *now, past, {});
  const auto* made = about(advice, "CONCURRENTLY \"sales\".\"daily\"");
  REQUIRE(made != nullptr);
  scene.exec(made->change.sql_up.at(0));
  CHECK(scene.exec("SELECT total > 0 FROM sales.daily WHERE day = '2024-02-01'") == "t");

  const auto later = scene.read();
  past = advisors::remember_matviews(std::move(past), *later);
  CHECK(past.begin()->second.refresh_seen);
  CHECK(refuses(advisors::stale_matview(*now, *later, past, {}), "sales.daily", "nothing changed"));
}

TEST_CASE("a role whose sorts spill is found, and the change lets them stay in memory") {
  AdviceScene scene;
  scene.exec(
      "CREATE ROLE app LOGIN; GRANT USAGE ON SCHEMA sales TO app; "
      "CREATE TABLE sales.orders AS SELECT g AS id, md5(g::text) AS code FROM generate_series(1, 60000) g; "
      "GRANT SELECT ON sales.orders TO app; ANALYZE");
  const auto before = scene.read();
  const std::string sql = "SELECT count(*) FROM (SELECT code FROM sales.orders ORDER BY code OFFSET 0) s";
  {
    auto app = scene.cluster().session("shop", "app");
    app.exec("SET work_mem = '1MB'");
    for (int i = 0; i < 5; ++i) app.exec(sql);
  }
  auto now = scene.read();
  const Advice advice = advisors::work_mem_spills(*before, *now, {});
  const auto* made = about(advice, "ALTER ROLE \"app\" SET work_mem");
  REQUIRE(made != nullptr);
  CHECK(made->change.object == "role app");
  CHECK(made->change.sql_down.at(0) == "ALTER ROLE \"app\" RESET work_mem");
  scene.exec(made->change.sql_up.at(0));
  {
    auto app = scene.cluster().session("shop", "app");
    CHECK(app.value("SHOW work_mem") == "8MB");
  }
  scene.exec(made->change.sql_down.at(0));
  CHECK(scene.exec("SELECT rolconfig IS NULL FROM pg_roles WHERE rolname = 'app'") == "t");
}

TEST_CASE("a table full of dead rows that no vacuum visits is found, and the vacuum cleans it") {
  AdviceScene scene;
  scene.exec(
      "CREATE TABLE sales.events (id int PRIMARY KEY, n int); "
      "INSERT INTO sales.events SELECT g, 0 FROM generate_series(1, 10000) g; ANALYZE; "
      "UPDATE sales.events SET n = 1");
  const auto before = scene.read();
  const auto now = scene.read();
  const Advice advice = advisors::autovacuum_behind(*before, *now, {}, {});
  const auto* made = about(advice, "VACUUM (ANALYZE) \"sales\".\"events\"");
  REQUIRE(made != nullptr);
  CHECK(made->finding.summary.find("switched off") != std::string::npos);
  scene.exec(made->change.sql_up.at(0));
  const auto later = scene.read();
  CHECK(about(advisors::autovacuum_behind(*now, *later, {}, {}), "events") == nullptr);
}
