#include "rules/advisors/missing_index.hpp"

#include "rules/advisors/outline.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/advisors/scene.hpp"

using namespace pgtend;
using namespace pgtend::advisors;
using pgtend::test::says;
using pgtend::test::Scene;

namespace {

constexpr Oid kOrders = 100, kCustomers = 101;

Scene shop() {
  Scene scene;
  scene.table(kOrders, "orders", 1'000'000,
              {Scene::column("id", "bigint", -1, 8), Scene::column("customer_id", "integer", 50'000),
               Scene::column("status", "text", 5, 8), Scene::column("created_at", "timestamp with time zone", -0.9, 8),
               Scene::column("note", "jsonb", 100, 100)});
  scene.table(kCustomers, "customers", 50'000,
              {Scene::column("id", "bigint", -1, 8), Scene::column("city", "text", 200, 10)});
  auto& key = scene.index(200, kOrders, "orders_pkey", {"id"});
  key.is_primary = key.is_unique = key.backs_constraint = true;
  scene.before.indexes.back() = key;
  return scene;
}

// Answers as a planner would: `with` for the candidates that satisfy `helps`, unused otherwise.
template <class Helps>
std::vector<WhatIfAnswer> answer(const IndexQuestions& questions, double before, double with, Helps helps) {
  std::vector<WhatIfAnswer> out;
  for (const auto& question : questions.questions) {
    WhatIfAnswer one;
    one.query_id = question.query_id;
    one.cost_before = before;
    for (const std::size_t at : question.candidates) {
      const bool used = helps(question, questions.candidates[at]);
      one.cost_with.push_back(used ? with : before);
      one.used.push_back(used);
      one.bytes.push_back(1 << 20);
    }
    out.push_back(std::move(one));
  }
  return out;
}

bool on(const IndexCandidate& candidate, std::vector<std::string> columns) {
  return candidate.columns == columns;
}

bool asks(const IndexQuestions& questions, std::vector<std::string> columns) {
  return std::any_of(questions.candidates.begin(), questions.candidates.end(),
                     [&](const IndexCandidate& c) { return on(c, columns); });
}

}  // namespace

TEST_CASE("a lookup without an index is recommended with SQL both ways, evidence and effect") {
  Scene scene = shop();
  scene.statement(1, "select * from orders where customer_id = $1", 3600, 90'000);
  const AdvisorOptions options;
  const auto questions = index_questions(outline(scene.before), scene.now, options);
  REQUIRE(questions.questions.size() == 1);
  CHECK(questions.questions[0].text == "select * from orders where customer_id = $1");
  CHECK(questions.questions[0].parameters == 1);
  CHECK(questions.questions[0].hypothetical ==
        std::vector<std::string>{R"(CREATE INDEX ON "public"."orders" USING btree ("customer_id"))"});
  CHECK(questions.questions[0].search_path == std::vector<std::string>{"public"});

  const auto answers = answer(questions, 25'000, 80, [](const auto&, const auto&) { return true; });
  const Advice advice = missing_index(outline(scene.before), scene.now, questions, answers, options);
  REQUIRE(advice.recommendations.size() == 1);
  const auto& made = advice.recommendations[0];
  CHECK(
      made.change.sql_up ==
      std::vector<std::string>{
          R"(CREATE INDEX CONCURRENTLY "pgtend_orders_customer_id_idx" ON "public"."orders" USING btree ("customer_id"))"});
  CHECK(made.change.sql_down ==
        std::vector<std::string>{R"(DROP INDEX CONCURRENTLY "public"."pgtend_orders_customer_id_idx")"});
  CHECK(made.change.action == ActionClass::create_index);
  CHECK(made.change.object == "public.orders");
  CHECK(made.change.run_as_role == "shop_owner");
  CHECK(made.change.lock == LockLevel::share_update_exclusive);
  CHECK(made.change.target_statements == std::vector<std::int64_t>{1});
  CHECK(made.change.cost.bytes > 1 << 20);
  CHECK(std::get<IndexChange>(made.change.detail).key_columns == std::vector<std::string>{"customer_id"});
  CHECK(made.effect.basis == "hypopg");
  CHECK(made.effect.before == Approx(1.5));
  CHECK(made.effect.after < 0.05);
  CHECK(made.effect.low <= made.effect.after);
  CHECK(made.effect.high > made.effect.after);
  CHECK(made.risk == Risk::low);
  CHECK_FALSE(made.finding.evidence.empty());
  REQUIRE(advice.findings.size() == 1);

  const Advice again = missing_index(outline(scene.before), scene.now, questions, answers, options);
  CHECK(again.recommendations[0].id == made.id);
}

TEST_CASE("equality plus order with LIMIT asks for two columns and takes them when they serve far better") {
  Scene scene = shop();
  scene.statement(1, "select * from orders where customer_id = $1 order by created_at desc limit $2", 3600, 90'000);
  const AdvisorOptions options;
  const auto questions = index_questions(outline(scene.before), scene.now, options);
  CHECK(asks(questions, {"customer_id", "created_at"}));
  CHECK(asks(questions, {"customer_id"}));
  auto answers = answer(questions, 25'000, 800, [](const auto&, const auto&) { return true; });
  for (std::size_t i = 0; i < questions.questions[0].candidates.size(); ++i)
    if (on(questions.candidates[questions.questions[0].candidates[i]], {"customer_id", "created_at"}))
      answers[0].cost_with[i] = 8;
  AdvisorOptions eager = options;
  eager.min_workload_saving = 0.01;
  const Advice advice = missing_index(outline(scene.before), scene.now, questions, answers, eager);
  REQUIRE(advice.recommendations.size() == 1);
  CHECK(std::get<IndexChange>(advice.recommendations[0].change.detail).key_columns ==
        std::vector<std::string>{"customer_id", "created_at"});
  CHECK(says(advice.recommendations[0].refused, "(customer_id)", "starts with the same column"));
}

TEST_CASE("directions are written only where one backwards scan cannot deliver them") {
  Scene scene = shop();
  scene.statement(1, "select * from orders order by customer_id, created_at desc limit 10", 100, 90'000);
  const auto questions = index_questions(outline(scene.before), scene.now, {});
  REQUIRE_FALSE(questions.questions.empty());
  const auto& texts = questions.questions[0].hypothetical;
  CHECK(std::any_of(texts.begin(), texts.end(), [](const std::string& text) {
    return text.find(R"(("customer_id", "created_at" DESC))") != std::string::npos;
  }));
}

TEST_CASE("what existing indexes answer, small tables and unindexable columns are refused with reasons") {
  Scene scene = shop();
  scene.index(201, kOrders, "orders_customer", {"customer_id", "created_at"});
  scene.table(102, "tiny", 100, {Scene::column("code", "text", -1)});
  scene.statement(1, "select * from orders where customer_id = $1", 3600, 90'000);
  scene.statement(2, "select * from orders where id = $1 and status = $2", 3600, 80'000);
  scene.statement(3, "select * from tiny where code = $1", 3600, 70'000);
  scene.statement(4, "select * from orders where note = $1", 3600, 60'000);
  const auto questions = index_questions(outline(scene.before), scene.now, {});
  CHECK(questions.candidates.empty());
  CHECK(questions.questions.empty());
  CHECK(says(questions.refused, "public.orders (customer_id)", "orders_customer already starts"));
  CHECK(says(questions.refused, "public.orders (status", "unique index orders_pkey"));
  CHECK(says(questions.refused, "public.tiny", "100 rows"));
  CHECK(says(questions.refused, "any index", "no heavy statement"));
}

TEST_CASE("an index that is being built, or was left invalid, is not proposed a second time") {
  Scene scene = shop();
  scene.index(201, kOrders, "pgtend_orders_customer_id_idx", {"customer_id"}).is_valid = false;
  scene.statement(1, "select * from orders where customer_id = $1", 3600, 90'000);
  const auto questions = index_questions(outline(scene.before), scene.now, {});
  CHECK(questions.candidates.empty());
  CHECK(says(questions.refused, "public.orders (customer_id)", "being built, or was left invalid"));
}

TEST_CASE("an overlapping index waits for one on its leading column that is being built or whose change is open") {
  Scene scene = shop();
  const auto wide = "select * from orders where customer_id = $1 and created_at > $2";
  scene.statement(1, wide, 3600, 90'000);
  AdvisorOptions options;
  options.open_indexes = {{"abc12345-0000-4000-8000-000000000000", "observing", "public", "orders", {"customer_id"}},
                          {"bbbbbbbb-0000-4000-8000-000000000000", "proposed", "public", "customers", {"created_at"}}};
  const auto held = index_questions(outline(scene.before), scene.now, options);
  CHECK_FALSE(asks(held, {"customer_id", "created_at"}));
  CHECK(says(held.refused, "public.orders (customer_id, created_at)", "change abc12345 (observing)"));
  // The change's own index stays recommended, and so does one that begins with another column.
  CHECK(asks(held, {"customer_id"}));
  CHECK(asks(held, {"created_at"}));
  CHECK(asks(index_questions(outline(scene.before), scene.now, {}), {"customer_id", "created_at"}));

  scene.index(201, kOrders, "somebodys_idx", {"customer_id"}).is_valid = false;
  const auto building = index_questions(outline(scene.before), scene.now, {});
  CHECK_FALSE(asks(building, {"customer_id", "created_at"}));
  CHECK(asks(building, {"created_at"}));
  CHECK(says(building.refused, "public.orders (customer_id, created_at)", "somebodys_idx, which begins with"));
  scene.now.indexes.back().is_valid = true;
  CHECK(asks(index_questions(outline(scene.before), scene.now, {}), {"customer_id", "created_at"}));
}

TEST_CASE("when no statement can be explained, statistics stand in and the errors stay visible") {
  Scene scene = shop();
  scene.now.tables[0].seq_scan = 3600;
  scene.statement(1, "select * from orders where customer_id = $1", 3600, 90'000);
  const auto questions = index_questions(outline(scene.before), scene.now, {});
  WhatIfAnswer denied;
  denied.query_id = 1;
  denied.error = "permission denied for table orders";
  const Advice advice = missing_index(outline(scene.before), scene.now, questions, {denied}, {});
  REQUIRE(advice.recommendations.size() == 1);
  CHECK(advice.recommendations[0].effect.basis == "statistics");
  CHECK(says(advice.refused, "statement 1", "permission denied"));
}

TEST_CASE("an index that kills HOT updates is refused with the columns that UPDATEs assign") {
  Scene scene = shop();
  auto& orders = scene.now.tables[0];
  orders.n_tup_upd = 100'000;
  orders.n_tup_hot_upd = 98'000;
  scene.statement(1, "select * from orders where status = $1", 600, 60'000);
  scene.statement(2, "update orders set status = $1 where id = $2", 100'000, 30'000);
  const auto questions = index_questions(outline(scene.before), scene.now, {});
  REQUIRE(asks(questions, {"status"}));
  const auto answers = answer(questions, 25'000, 5'000, [](const auto& q, const auto&) { return q.query_id == 1; });
  const Advice advice = missing_index(outline(scene.before), scene.now, questions, answers, {});
  CHECK(advice.recommendations.empty());
  CHECK(says(advice.refused, "public.orders (status)", "UPDATEs assign status"));

  // The same reads with updates of another column keep HOT: recommended.
  scene.now.statements[1].text = "update orders set note = $1 where id = $2";
  const auto others = index_questions(outline(scene.before), scene.now, {});
  const auto priced = answer(others, 25'000, 5'000, [](const auto& q, const auto&) { return q.query_id == 1; });
  CHECK(missing_index(outline(scene.before), scene.now, others, priced, {}).recommendations.size() == 1);
}

TEST_CASE("too small a saving, an unused index and a statement made worse are refused by their numbers") {
  Scene scene = shop();
  scene.statement(1, "select * from orders where customer_id = $1", 3600, 90'000);
  scene.statement(2, "select count(*) from orders where customer_id > $1", 3600, 90'000);
  const auto questions = index_questions(outline(scene.before), scene.now, {});
  const auto advise = [&](double with_one, double with_two) {
    auto answers = answer(questions, 1000, with_one, [](const auto&, const auto&) { return true; });
    for (auto& one : answers)
      if (one.query_id == 2) std::fill(one.cost_with.begin(), one.cost_with.end(), with_two);
    return missing_index(outline(scene.before), scene.now, questions, answers, {});
  };
  CHECK(advise(10, 1000).recommendations.size() == 1);
  CHECK(says(advise(900, 1000).refused, "customer_id", "it saves at most 10 %"));
  CHECK(says(advise(10, 1200).refused, "customer_id", "makes statement 2 worse by 20 %"));
  const auto unused = answer(questions, 1000, 10, [](const auto&, const auto&) { return false; });
  CHECK(says(missing_index(outline(scene.before), scene.now, questions, unused, {}).refused, "customer_id",
             "no plan of a heavy statement"));
}

TEST_CASE("budget, indexes per table and cool-down end the list with a reason") {
  Scene scene = shop();
  scene.statement(1, "select * from orders where customer_id = $1", 3600, 90'000);
  const auto questions = index_questions(outline(scene.before), scene.now, {});
  const auto answers = answer(questions, 25'000, 80, [](const auto&, const auto&) { return true; });
  AdvisorOptions options;
  options.index_budget_bytes = 1024;
  CHECK(says(missing_index(outline(scene.before), scene.now, questions, answers, options).refused, "customer_id",
             "do not fit the budget"));
  options = {};
  options.max_new_indexes_per_table = 0;
  CHECK(says(missing_index(outline(scene.before), scene.now, questions, answers, options).refused, "customer_id",
             "new indexes already"));
  options = {};
  options.cooling_down = {
      missing_index(outline(scene.before), scene.now, questions, answers, {}).recommendations.at(0).id};
  const Advice cooled = missing_index(outline(scene.before), scene.now, questions, answers, options);
  CHECK(cooled.recommendations.empty());
  CHECK(says(cooled.refused, "CREATE INDEX", "cools down"));
}

TEST_CASE("without HypoPG the advice rests on statistics and says so") {
  Scene scene = shop();
  scene.now.extensions.erase("hypopg");
  scene.now.tables[0].seq_scan = 3600;
  scene.statement(1, "select * from orders where customer_id = $1", 3600, 90'000);
  const auto questions = index_questions(outline(scene.before), scene.now, {});
  CHECK(questions.questions.empty());
  const Advice advice = missing_index(outline(scene.before), scene.now, questions, {}, {});
  REQUIRE(advice.recommendations.size() == 1);
  CHECK(advice.recommendations[0].effect.basis == "statistics");
  CHECK(advice.recommendations[0].risk == Risk::medium);
  CHECK(says(advice.refused, "hypothetical", "CREATE EXTENSION hypopg"));

  // The same calls without sequential scans find their rows some other way.
  scene.now.tables[0].seq_scan = 0;
  const auto quiet = index_questions(outline(scene.before), scene.now, {});
  CHECK(missing_index(outline(scene.before), scene.now, quiet, {}, {}).recommendations.empty());
}

TEST_CASE("statements that cannot be explained or parsed are visible with their error") {
  Scene scene = shop();
  scene.statement(1, "select * from orders where customer_id = $1", 3600, 90'000);
  scene.statement(2, "select * frm orders", 3600, 90'000);
  scene.statement(3, "", 3600, 90'000);
  const auto questions = index_questions(outline(scene.before), scene.now, {});
  auto answers = answer(questions, 1000, 1000, [](const auto&, const auto&) { return false; });
  answers[0].error = "could not determine data type of parameter $1";
  const Advice advice = missing_index(outline(scene.before), scene.now, questions, answers, {});
  CHECK(says(advice.refused, "statement 1", "could not determine"));
  CHECK(says(advice.refused, "statement 2", "syntax error"));
  CHECK(says(advice.refused, "statement 3", "pg_read_all_stats"));
  CHECK(std::count_if(advice.findings.begin(), advice.findings.end(),
                      [](const Finding& f) { return f.check == "unexplainable_statement"; }) == 2);
}

TEST_CASE("commands that have no plan are no findings, whatever their text") {
  Scene scene = shop();
  // As the collectors keep them: two words, which no parser takes; and whole, as a parser takes some.
  std::int64_t id = 1;
  for (const auto* text : {"SET search_path", "BEGIN", "COPY orders", "EXPLAIN SELECT", "CREATE TABLE", "ALTER ROLE",
                           "VACUUM orders", "/* app */ SET x", "explain (analyze) select * frm orders"})
    scene.statement(id++, text, 3600, 90'000);
  const auto questions = index_questions(outline(scene.before), scene.now, {});
  CHECK(questions.findings.empty());
  CHECK(says(questions.refused, "9 statements", "have no plan"));
  // One that has a plan and cannot be read stays visible, in every spelling.
  for (const auto* text : {"(select * frm orders)", "-- app\nWITH x AS (select * frm orders) select 1",
                           "merge into orders usin x", "values (", "table orders order"}) {
    scene = shop();
    scene.statement(1, text, 3600, 90'000);
    CAPTURE(text);
    CHECK(index_questions(outline(scene.before), scene.now, {}).findings.size() == 1);
  }
}

TEST_CASE("after a reset or without an earlier reading there is no advice but a reason") {
  Scene scene = shop();
  scene.statement(1, "select * from orders where customer_id = $1", 3600, 90'000);
  scene.now.statements_epoch = 2;
  CHECK(says(index_questions(outline(scene.before), scene.now, {}).refused, "any index", "was reset"));
  CHECK(says(index_questions(DatabaseFacts{}, scene.now, {}).refused, "any index", "no earlier reading"));
}
