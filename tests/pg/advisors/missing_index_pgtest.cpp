#include <algorithm>

#include "tests/pg/advisors/advice_scene.hpp"

using namespace pgtend;
using pgtend::test::AdviceScene;

namespace {

advisors::AdvisorOptions small_tables() {
  advisors::AdvisorOptions options;
  options.min_table_bytes = 1 << 20;
  options.min_table_rows = 1000;
  return options;
}

void make_orders(AdviceScene& scene) {
  scene.exec(
      "CREATE ROLE shop_owner; "
      "CREATE TABLE sales.orders (id bigint PRIMARY KEY, customer_id int NOT NULL, status text, total numeric, "
      "created_at timestamptz NOT NULL, touched int NOT NULL DEFAULT 0) WITH (fillfactor = 80); "
      "ALTER TABLE sales.orders OWNER TO shop_owner; "
      "INSERT INTO sales.orders SELECT g, g % 5000, 'open', g, now() - g * interval '1 minute', g % 1000 "
      "FROM generate_series(1, 100000) g");
  scene.exec("VACUUM ANALYZE sales.orders");
}

const Recommendation* on_columns(const Advice& advice, const std::vector<std::string>& columns) {
  const auto it = std::find_if(advice.recommendations.begin(), advice.recommendations.end(), [&](const auto& made) {
    return std::get<IndexChange>(made.change.detail).key_columns == columns;
  });
  return it == advice.recommendations.end() ? nullptr : &*it;
}

double cost_of(AdviceScene& scene, const std::string& sql) {
  const auto line = scene.exec("EXPLAIN " + sql);
  const auto at = line.find("..") + 2;
  return std::stod(line.substr(at));
}

}  // namespace

TEST_CASE("a planted missing index is found, and building it for real makes the cost fall as predicted") {
  AdviceScene scene;
  make_orders(scene);
  const auto before = scene.read();
  // Unqualified, found through the session's path: the advisor must resolve it the same way.
  scene.exec("ALTER DATABASE shop SET search_path = sales, public");
  scene.repeat("SELECT total FROM orders WHERE customer_id = 42", 30);
  const auto now = scene.read();
  const Advice advice = scene.advise_index(*before, *now, small_tables());
  const auto* made = on_columns(advice, {"customer_id"});
  REQUIRE(made != nullptr);
  CHECK(made->effect.basis == "hypopg");
  CHECK(made->change.run_as_role == "shop_owner");
  CHECK(made->change.object == "sales.orders");
  CHECK(made->change.system_identifier == scene.exec("SELECT system_identifier FROM pg_control_system()"));
  CHECK_FALSE(made->change.target_statements.empty());

  const double cost_before = cost_of(scene, "SELECT total FROM sales.orders WHERE customer_id = 42");
  scene.exec(made->change.sql_up.at(0));
  const double cost_after = cost_of(scene, "SELECT total FROM sales.orders WHERE customer_id = 42");
  CHECK(cost_after < 0.2 * cost_before);
  const auto bytes = std::stoll(scene.exec("SELECT pg_relation_size('sales.pgtend_orders_customer_id_idx')"));
  CHECK(static_cast<double>(made->change.cost.bytes) == Approx(static_cast<double>(bytes)).epsilon(0.15));
  CHECK(scene.exec(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'sales.pgtend_orders_customer_id_idx'::regclass") ==
        "t");

  // With the index there, the same workload has nothing to gain, and says why.
  scene.repeat("SELECT total FROM orders WHERE customer_id = 42", 30);
  const auto later = scene.read();
  auto every_statement = small_tables();
  every_statement.min_statement_share = 0;
  const Advice nothing = scene.advise_index(*now, *later, every_statement);
  CHECK(nothing.recommendations.empty());
  CHECK(std::any_of(nothing.refused.begin(), nothing.refused.end(), [](const auto& refused) {
    return refused.why.find("pgtend_orders_customer_id_idx already starts") != std::string::npos;
  }));

  scene.exec(made->change.sql_down.at(0));
  CHECK(scene.exec("SELECT to_regclass('sales.pgtend_orders_customer_id_idx')").empty());
}

TEST_CASE("equality with order and LIMIT gets a two-column index that removes the sort") {
  AdviceScene scene;
  make_orders(scene);
  // Each customer has many rows, so that sorting them costs more than walking an index in order.
  scene.exec("UPDATE sales.orders SET customer_id = id % 20");
  scene.exec("VACUUM (FULL, ANALYZE) sales.orders");
  const auto before = scene.read();
  const std::string sql = "SELECT id, total FROM sales.orders WHERE customer_id = 7 ORDER BY created_at DESC LIMIT 10";
  scene.repeat(sql, 30);
  const auto now = scene.read();
  const Advice advice = scene.advise_index(*before, *now, small_tables());
  const auto* made = on_columns(advice, {"customer_id", "created_at"});
  REQUIRE(made != nullptr);
  const double cost_before = cost_of(scene, sql);
  scene.exec(made->change.sql_up.at(0));
  CHECK(cost_of(scene, sql) < 0.1 * cost_before);
}

TEST_CASE("an index on a column that UPDATEs assign is refused on a table that lives by HOT") {
  AdviceScene scene;
  make_orders(scene);
  const auto before = scene.read();
  scene.repeat("SELECT count(*) FROM sales.orders WHERE touched = 7", 20);
  {
    auto session = scene.cluster().session("shop");
    for (int i = 1; i <= 300; ++i)
      session.exec("UPDATE sales.orders SET touched = touched + 1 WHERE id = " + std::to_string(i));
  }
  const auto now = scene.read();
  const Advice advice = scene.advise_index(*before, *now, small_tables());
  CHECK(on_columns(advice, {"touched"}) == nullptr);
  CHECK(std::any_of(advice.refused.begin(), advice.refused.end(), [](const auto& refused) {
    return refused.what.find("(touched)") != std::string::npos && refused.why.find("HOT updates") != std::string::npos;
  }));
}

TEST_CASE("typed literals are priced after repair, what stays unexplainable is shown with its error") {
  AdviceScene scene;
  make_orders(scene);
  const auto before = scene.read();
  scene.repeat(
      "SELECT count(*) FROM sales.orders WHERE created_at > timestamptz '2020-01-01' + interval '1 day' "
      "AND customer_id = 3",
      30);
  scene.exec(
      "CREATE TEMP TABLE gone AS SELECT g AS a FROM generate_series(1, 200000) g; "
      "SELECT count(*) FROM gone g JOIN sales.orders o ON o.customer_id = g.a");
  const auto now = scene.read();
  const auto questions = advisors::index_questions(*before, *now, small_tables());
  const auto answers = scene.ask(questions);
  const bool repaired = std::any_of(questions.questions.begin(), questions.questions.end(), [&](const auto& question) {
    if (question.text.find("::interval") == std::string::npos) return false;
    return std::any_of(answers.begin(), answers.end(), [&](const auto& answer) {
      return answer.query_id == question.query_id && answer.error.empty() && answer.cost_before > 100;
    });
  });
  CHECK(repaired);
  const Advice advice = advisors::missing_index(*before, *now, questions, answers, small_tables());
  CHECK(std::any_of(advice.findings.begin(), advice.findings.end(), [](const Finding& finding) {
    return finding.check == "unexplainable_statement" && finding.summary.find("gone") != std::string::npos;
  }));
}

TEST_CASE("asking leaves nothing behind in the session and changes nothing in the database") {
  AdviceScene scene;
  make_orders(scene);
  const auto before = scene.read();
  scene.repeat("UPDATE sales.orders SET total = total + 1 WHERE customer_id = 42", 20);
  const auto now = scene.read();
  const auto sum = scene.exec("SELECT sum(total) FROM sales.orders");
  const auto questions = advisors::index_questions(*before, *now, small_tables());
  REQUIRE_FALSE(questions.questions.empty());
  CHECK(questions.questions[0].is_dml);
  const auto answers = scene.ask(questions);
  REQUIRE_FALSE(answers.empty());
  CHECK(answers[0].error.empty());
  CHECK(std::find(answers[0].used.begin(), answers[0].used.end(), true) != answers[0].used.end());
  CHECK(scene.exec("SELECT sum(total) FROM sales.orders") == sum);

  const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const auto one = [&](const std::string& sql) {
    auto rows = scene.world().run(scene.connection().query(sql, {}, deadline));
    REQUIRE(rows);
    return rows->rows.at(0).at(0).value_or("");
  };
  CHECK(one("SELECT count(*) FROM hypopg()") == "0");
  CHECK(one("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'pgtend%'") == "0");
  CHECK(one("SHOW default_transaction_read_only") == "off");
  CHECK(one("SHOW plan_cache_mode") == "auto");
}

TEST_CASE("without HypoPG the session says so, and the advice falls back on statistics") {
  AdviceScene scene;
  make_orders(scene);
  scene.exec("DROP EXTENSION hypopg");
  const auto before = scene.read();
  scene.repeat("SELECT total FROM sales.orders WHERE customer_id = 42", 30);
  const auto now = scene.read();
  const Advice advice = scene.advise_index(*before, *now, small_tables());
  const auto* made = on_columns(advice, {"customer_id"});
  REQUIRE(made != nullptr);
  CHECK(made->effect.basis == "statistics");
  const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  const auto asked = scene.world().run(engine::ask_what_if(&scene.connection(), {}, deadline));
  REQUIRE_FALSE(asked);
  CHECK(asked.error().code == Errc::unsupported);
}

TEST_CASE("a role without rights reads what it may, and every gap has a reason") {
  AdviceScene scene("plain_monitor");
  make_orders(scene);
  const auto before = scene.read();
  CHECK_FALSE(before->statements_readable);
  CHECK(before->table("sales", "orders") != nullptr);
  scene.repeat("SELECT total FROM sales.orders WHERE customer_id = 42", 30);
  const auto hidden = scene.read();
  const Advice blind = scene.advise_index(*before, *hidden, small_tables());
  CHECK(blind.recommendations.empty());
  CHECK_FALSE(blind.refused.empty());

  scene.exec("GRANT pg_monitor TO plain_monitor; GRANT USAGE ON SCHEMA sales TO plain_monitor");
  const auto seen = scene.read();
  scene.repeat("SELECT total FROM sales.orders WHERE customer_id = 42", 30);
  const auto now = scene.read();
  const Advice advice = scene.advise_index(*seen, *now, small_tables());
  CHECK(std::any_of(advice.refused.begin(), advice.refused.end(), [](const auto& refused) {
    return refused.why.find("permission denied for table orders") != std::string::npos;
  }));
  const auto* made = on_columns(advice, {"customer_id"});
  REQUIRE(made != nullptr);
  CHECK(made->effect.basis == "statistics");
}
