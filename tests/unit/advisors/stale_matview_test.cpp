#include "rules/advisors/stale_matview.hpp"

#include "rules/advisors/outline.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/advisors/scene.hpp"

using namespace pgtend;
using namespace pgtend::advisors;
using pgtend::test::kHour;
using pgtend::test::says;
using pgtend::test::Scene;

namespace {

struct Views {
  Scene scene;
  MatviewPasts past;

  Views() {
    scene.table(1, "orders", 100'000, {});
    add(20, "daily_sales", {1}, {});
    past = remember_matviews({}, scene.now);
  }
  MatviewFact& add(Oid oid, const std::string& name, std::vector<Oid> tables, std::vector<Oid> views) {
    MatviewFact view;
    view.oid = oid;
    view.schema = "public";
    view.name = name;
    view.owner = "shop_owner";
    view.populated = view.has_unique_index = true;
    view.relpages = 100;
    view.relfilenode = oid;
    view.base_tables = std::move(tables);
    view.base_matviews = std::move(views);
    scene.now.matviews.push_back(std::move(view));
    return scene.now.matviews.back();
  }
  void write(std::int64_t rows) { scene.now.tables[0].n_tup_ins += rows; }
  void read(std::size_t view = 0) { scene.now.matviews[view].reads += 1; }
  void later(Millis by) { scene.now.taken_at += by; }
  void remember() { past = remember_matviews(std::move(past), scene.now); }
  Advice advise() { return stale_matview(outline(scene.before), scene.now, past, options); }

  AdvisorOptions options = [] {
    AdvisorOptions out;
    out.matview_max_age = kHour;
    return out;
  }();
};

}  // namespace

TEST_CASE("a view that changed below, is read and is old is refreshed concurrently") {
  Views views;
  views.write(500);
  views.read();
  views.later(2 * kHour);
  views.remember();
  const Advice advice = views.advise();
  REQUIRE(advice.recommendations.size() == 1);
  const auto& change = advice.recommendations[0].change;
  CHECK(change.sql_up == std::vector<std::string>{R"(REFRESH MATERIALIZED VIEW CONCURRENTLY "public"."daily_sales")"});
  CHECK(change.sql_down.empty());
  CHECK(change.action == ActionClass::refresh_matview);
  CHECK(change.object == "public.daily_sales");
  CHECK(change.lock == LockLevel::exclusive);
  CHECK(std::get<RefreshChange>(change.detail).concurrently);
}

TEST_CASE("without a unique index the refresh is plain and says what it blocks") {
  Views views;
  views.scene.now.matviews[0].has_unique_index = false;
  views.write(50'000);
  views.read();
  views.later(kHour / 2);
  const Advice advice = views.advise();
  REQUIRE(advice.recommendations.size() == 1);
  CHECK(advice.recommendations[0].change.lock == LockLevel::access_exclusive);
  CHECK(says(advice.recommendations[0].refused, "CONCURRENTLY", "no unique index"));
}

TEST_CASE("no changes, no reads, young and little changed, row security, too dear: each is a reason") {
  Views views;
  views.later(2 * kHour);
  views.read();
  CHECK(says(views.advise().refused, "daily_sales", "nothing changed"));
  views.write(500);
  views.scene.now.matviews[0].reads = 0;
  CHECK(says(views.advise().refused, "daily_sales", "nobody read it"));
  views.read();
  views.past[20].duration_seconds = 3600;
  CHECK(says(views.advise().refused, "daily_sales", "takes 3600 s"));
  views.past[20].duration_seconds = 1;
  views.scene.now.matviews[0].over_row_security = true;
  CHECK(says(views.advise().refused, "daily_sales", "row security"));
  views.scene.now.matviews[0].over_row_security = false;
  CHECK(views.advise().recommendations.size() == 1);
  views.scene.now.taken_at -= kHour + kHour / 2;
  CHECK(says(views.advise().refused, "daily_sales", "0.5 %"));
  views.options.matview_max_age = Millis(0);
  views.later(10 * kHour);
  CHECK(says(views.advise().refused, "daily_sales", "0.5 % of its base rows"));
  CHECK(says(stale_matview(outline(views.scene.before), views.scene.now, {}, {}).refused, "daily_sales",
             "not seen before"));
}

TEST_CASE("views come after the views they read and are refreshed with them") {
  Views views;
  views.scene.now.matviews.clear();
  views.add(31, "top", {}, {30});
  views.add(30, "base", {1}, {});
  views.remember();
  views.write(50'000);
  views.read(0);
  views.read(1);
  views.later(2 * kHour);
  const Advice advice = views.advise();
  REQUIRE(advice.recommendations.size() == 2);
  CHECK(advice.recommendations[0].change.object == "public.base");
  CHECK(advice.recommendations[1].change.object == "public.top");
}

TEST_CASE("a refresh, ours or another's, starts the count again without losing changes") {
  Views views;
  views.write(500);
  views.read();
  views.later(2 * kHour);
  views.remember();
  REQUIRE(views.advise().recommendations.size() == 1);
  SECTION("another's, seen by its file") {
    views.scene.now.matviews[0].relfilenode = 999;
    views.later(kHour);
    views.remember();
    CHECK(views.past[20].refresh_seen);
    CHECK(says(views.advise().refused, "daily_sales", "nothing changed"));
  }
  SECTION("ours, that found no difference") {
    note_refresh(views.past, 20, views.scene.now.taken_at, 2.5);
    views.read();
    views.later(kHour);
    views.remember();
    CHECK(views.past[20].duration_seconds == 2.5);
    CHECK(says(views.advise().refused, "daily_sales", "nothing changed"));
    views.write(50'000);
    views.read();
    views.later(2 * kHour);
    CHECK(views.advise().recommendations.size() == 1);
  }
  SECTION("a clean restart, which keeps the counters, invents no changes") {
    const auto owed = [&] { return views.past[20].base_writes_seen - views.past[20].base_writes_at_refresh; };
    const auto before = owed();
    views.scene.now.epoch = 7;
    views.remember();
    CHECK(owed() == before);
    views.write(3);
    views.remember();
    CHECK(owed() == before + 3);
  }
  SECTION("a statistics reset keeps what is owed") {
    views.scene.now.epoch = 7;
    views.scene.now.tables[0].n_tup_ins = 0;
    views.scene.now.matviews[0].reads = 1;
    views.remember();
    CHECK(views.advise().recommendations.size() == 1);
  }
}
