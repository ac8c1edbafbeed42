#include <fstream>
#include <set>

#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

TEST_CASE("two agents on one database never act at the same time") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  std::set<std::string> acting;
  bool together = false;
  int acts = 0;
  const auto hook = [&](const std::string& me) {
    return [&, me](std::string_view point) {
      if (point == "after pre_validated>applying") {
        acting.insert(me);
        ++acts;
      }
      together = together || acting.size() > 1;
      if (point == "applying.executed") acting.erase(me);
    };
  };
  Rig one(cluster, {.ledger_file = dir.path() / "one.db", .fault = hook("one")});
  Rig two(cluster, {.ledger_file = dir.path() / "two.db", .fault = hook("two")});
  const auto a = one.approved(index_plan("orders_customer_idx", "customer_id")).id;
  const auto b = two.approved(index_plan("items_order_idx", "order_id", "items")).id;
  // Somebody holds the build up, so that both certainly meet.
  auto writer = cluster.session("shop");
  writer.exec("BEGIN; UPDATE orders SET note = 'x' WHERE id = 1; UPDATE items SET id = 1 WHERE id = 1");
  bool first_ended = false, second_ended = false;
  one.restart();
  two.restart();
  // Each on its own loop: both loops are turned by hand, so that neither waits for the other.
  boost::asio::co_spawn(one.world().context(), one.pipeline().run(), [&](std::exception_ptr) { first_ended = true; });
  boost::asio::co_spawn(two.world().context(), two.pipeline().run(), [&](std::exception_ptr) { second_ended = true; });
  const auto turn = [&] {
    one.world().context().restart();
    two.world().context().restart();
    one.world().context().run_for(std::chrono::milliseconds(10));
    two.world().context().run_for(std::chrono::milliseconds(10));
  };
  REQUIRE(eventually([&] {
    turn();
    return acts == 1 &&
           cluster.exec("shop", "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'pgtend/chg/%'") ==
               "2";
  }));
  for (int i = 0; i < 20; ++i) {
    turn();
    CHECK(cluster.exec("shop",
                       "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND granted "
                       "AND classid = x'70677464'::int::oid") == "1");
  }
  writer.exec("COMMIT");
  REQUIRE(eventually(
      [&] {
        turn();
        return acts == 2 && acting.empty();
      },
      std::chrono::seconds(20)));
  CHECK_FALSE(together);
  one.pipeline().stop();
  two.pipeline().stop();
  REQUIRE(eventually([&] {
    turn();
    return first_ended && second_ended;
  }));
  CHECK(invalid_indexes(cluster) == "0");
  CHECK(one.get(a).attempt == 1);
  CHECK(two.get(b).attempt == 1);
}

TEST_CASE("a change is refused through a pooler and nothing is touched") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  PgBouncerProcess bouncer(cluster);
  TempDir dir("pgtend-change");
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.operator_.parameters = bouncer.parameters("shop");
  Rig rig(cluster, options);
  const auto change = rig.drive(rig.approved(index_plan()).id);
  CHECK(change.state == ChangeState::failed);
  CHECK_THAT(change.last_error, ContainsSubstring("pooler"));
  CHECK(change.attempt == 0);
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
}

TEST_CASE("a missing right is named with its GRANT before anything is touched") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop",
               "DO $$ BEGIN CREATE ROLE shop_owner; EXCEPTION WHEN duplicate_object THEN END $$;"
               "DO $$ BEGIN CREATE ROLE tender LOGIN NOINHERIT; EXCEPTION WHEN duplicate_object THEN END $$;"
               "ALTER TABLE orders OWNER TO shop_owner; GRANT pg_monitor TO tender; REVOKE shop_owner FROM tender");
  TempDir dir("pgtend-change");
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.operator_.parameters = cluster.parameters("shop", "tender");
  Rig rig(cluster, options);
  SECTION("membership in the owner and CREATE on its schema") {
    auto plan = index_plan();
    plan.run_as_role = "shop_owner";
    const auto change = rig.drive(rig.approved(plan).id);
    CHECK(change.state == ChangeState::failed);
    CHECK_THAT(change.last_error, ContainsSubstring("GRANT \"shop_owner\" TO \"tender\""));
    CHECK_THAT(change.last_error, ContainsSubstring("GRANT USAGE, CREATE ON SCHEMA \"public\" TO \"shop_owner\""));
    CHECK(change.attempt == 0);
    CHECK(index_comment(cluster, "orders_customer_idx").empty());
    cluster.exec("shop", "GRANT shop_owner TO tender; GRANT CREATE ON SCHEMA public TO shop_owner");
    const auto again = rig.drive(rig.approved(plan).id);
    CAPTURE(again.last_error);
    CHECK(again.state == ChangeState::kept);
    CHECK(cluster.exec("shop", "SELECT relowner::regrole FROM pg_class WHERE relname = 'orders_customer_idx'") ==
          "shop_owner");
  }
  SECTION("ALTER SYSTEM on one parameter") {
    const auto change = rig.drive(rig.approved(system_setting_plan("work_mem", "5MB")).id);
    CHECK(change.state == ChangeState::failed);
    CHECK_THAT(change.last_error, ContainsSubstring("GRANT ALTER SYSTEM ON PARAMETER work_mem TO \"tender\""));
    CHECK_THAT(change.last_error, ContainsSubstring("GRANT EXECUTE ON FUNCTION pg_reload_conf() TO \"tender\""));
    CHECK(read_file(cluster.data_dir() / "postgresql.auto.conf").find("work_mem") == std::string::npos);
  }
  SECTION("membership in a role whose settings are changed, and no power over roles") {
    cluster.exec("shop",
                 "DO $$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;"
                 "ALTER ROLE app RESET ALL; REVOKE app FROM tender");
    const auto plan = role_setting_plan("app", "work_mem", "8MB");
    const auto change = rig.drive(rig.approved(plan).id);
    CHECK(change.state == ChangeState::failed);
    CHECK(change.plan.run_as_role == "app");
    CHECK_THAT(change.last_error, ContainsSubstring("GRANT \"app\" TO \"tender\""));
    CHECK(change.last_error.find("CREATEROLE") == std::string::npos);
    CHECK(change.attempt == 0);
    CHECK(cluster.exec("shop", "SELECT rolconfig IS NULL FROM pg_roles WHERE rolname = 'app'") == "t");
    cluster.exec("shop", "GRANT app TO tender");
    const auto applied = [](const Change& now) { return is_final(now.state) || now.state == ChangeState::observing; };
    const auto again = rig.drive(rig.approved(plan).id, applied);
    CAPTURE(again.last_error);
    CHECK_FALSE(again.state == ChangeState::failed);
    CHECK(cluster.exec("shop", "SELECT rolconfig FROM pg_roles WHERE rolname = 'app'") == "{work_mem=8MB}");
    REQUIRE(rig.run(rig.pipeline().undo(again.id, "person:ann")));
    CHECK(rig.drive(again.id).state == ChangeState::reverted);
    CHECK(cluster.exec("shop", "SELECT rolconfig IS NULL FROM pg_roles WHERE rolname = 'app'") == "t");
  }
  SECTION("a superuser's settings are nobody else's, and no grant is named for them") {
    const auto change = rig.drive(rig.approved(role_setting_plan("postgres", "work_mem", "8MB")).id);
    CHECK(change.state == ChangeState::failed);
    CHECK_THAT(change.last_error, ContainsSubstring("only a superuser may change"));
    CHECK(change.last_error.find("GRANT") == std::string::npos);
  }
}

TEST_CASE("an operator that inherits nothing sees old snapshots and how far standbys are behind") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  cluster.exec("shop",
               "DO $$ BEGIN CREATE ROLE blind_owner; EXCEPTION WHEN duplicate_object THEN END $$;"
               "DO $$ BEGIN CREATE ROLE blind LOGIN NOINHERIT; EXCEPTION WHEN duplicate_object THEN END $$;"
               "ALTER TABLE orders OWNER TO blind_owner; GRANT blind_owner TO blind;"
               "GRANT CREATE ON SCHEMA public TO blind_owner");
  TempDir dir("pgtend-change");
  RigOptions options{.ledger_file = dir.path() / "ledger.db"};
  options.operator_.parameters = cluster.parameters("shop", "blind");
  Rig rig(cluster, options);
  rig.options().max_xact_age = Millis(1);
  rig.apply_options();
  auto plan = index_plan();
  plan.run_as_role = "blind_owner";
  auto old = cluster.session("shop");
  old.exec("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM items; SELECT pg_sleep(1)");
  const auto waits = rig.drive(rig.approved(plan).id, [](const Change& now) { return !now.last_error.empty(); });
  CHECK(waits.state == ChangeState::deferred);
  CHECK_THAT(waits.last_error, ContainsSubstring("of pid " + std::to_string(old.backend_pid())));
  old.exec("COMMIT");
  rig.options().max_xact_age = Millis(60'000);
  rig.apply_options();
  const auto done = rig.drive(waits.id);
  CAPTURE(done.last_error);
  CHECK(done.state == ChangeState::kept);
  CHECK(done.evidence_before.find("disk_free_bytes") != std::string::npos);
}

TEST_CASE("the freeze switch stops a change before its first statement, by file and by ledger") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  const auto file = (dir.path() / "freeze").string();
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db", .freeze_file = file});
  const auto id = rig.approved(index_plan()).id;
  const bool by_file = GENERATE(true, false);
  if (by_file)
    std::ofstream(file) << "stop";
  else
    REQUIRE(rig.ledger().set_freeze(true, "person:ann", "audit week"));
  int turns = 0;
  rig.drive(id, [&](const Change&) { return ++turns > 15; });
  CHECK(rig.get(id).state == ChangeState::approved);
  CHECK(index_comment(cluster, "orders_customer_idx").empty());
  const auto waits = rig.run(rig.pipeline().waits_for(rig.get(id)));
  CHECK_THAT(waits,
             ContainsSubstring(by_file ? "frozen by file " + file : std::string("frozen by person:ann since 20")));
  if (!by_file) CHECK_THAT(waits, ContainsSubstring(": audit week"));
  // Nobody approves what would only wait.
  const auto other =
      rig.run(rig.pipeline().submit_plan(index_plan("items_order_idx", "order_id", "items"), "person:ann"));
  REQUIRE(other);
  CHECK_THAT(rig.run(rig.pipeline().waits_for(*other)), ContainsSubstring("an approval, until "));
  const auto refused = rig.run(rig.pipeline().approve(other->id, other->plan_hash, "person:ann"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::refused);
  CHECK_THAT(refused.error().message, ContainsSubstring(by_file ? "remove the file" : "pgtend freeze off"));
  CHECK(rig.get(other->id).state == ChangeState::proposed);
  if (by_file)
    std::filesystem::remove(file);
  else
    REQUIRE(rig.ledger().set_freeze(false, "person:ann", ""));
  CHECK(rig.drive(id).state == ChangeState::kept);
}

TEST_CASE("a change behind another one names it, and a deferred one its reason and its time") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto first = rig.approved(index_plan());
  const auto observed = rig.drive(first.id, [](const Change& now) { return now.state == ChangeState::observing; });
  REQUIRE(observed.state == ChangeState::observing);
  const auto second = rig.approved(index_plan("items_order_idx", "order_id", "items"));
  CHECK_THAT(rig.run(rig.pipeline().waits_for(second)),
             ContainsSubstring("change " + first.id.substr(0, 8) + " is being observed on public.orders until 20"));
  CHECK(rig.run(rig.pipeline().waits_for(observed)).empty());
  Change deferred = second;
  deferred.state = ChangeState::deferred;
  deferred.last_error = "a standby is 90 s behind";
  deferred.not_before = from_ms(4'102'444'800'000);
  CHECK(rig.run(rig.pipeline().waits_for(deferred)) ==
        "it is tried again at 2100-01-01 00:00 UTC: a standby is 90 s behind");
  // What need not wait waits for nothing, and so does what has ended.
  CHECK(rig.run(rig.pipeline().waits_for(rig.approved(maintenance_plan(false)))).empty());
  deferred.state = ChangeState::failed;
  CHECK(rig.run(rig.pipeline().waits_for(deferred)).empty());
}

TEST_CASE("an approval binds to the plan's hash") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto change = rig.run(rig.pipeline().submit_plan(index_plan(), "person:ann"));
  REQUIRE(change);
  CHECK(change->state == ChangeState::proposed);
  const auto stale = rig.run(rig.pipeline().approve(change->id, std::string(64, '0'), "person:bob"));
  REQUIRE_FALSE(stale);
  CHECK(stale.error().code == Errc::conflict);
  CHECK(rig.get(change->id).state == ChangeState::proposed);
  const auto again = rig.run(rig.pipeline().submit_plan(index_plan(), "person:ann"));
  REQUIRE(again);
  CHECK(again->id == change->id);
  REQUIRE(rig.run(rig.pipeline().reject(change->id, "not now", "person:bob")));
  CHECK(rig.get(change->id).state == ChangeState::rejected);
  const auto late = rig.run(rig.pipeline().approve(change->id, change->plan_hash, "person:bob"));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::conflict);
}

TEST_CASE("policy may approve a recommendation by itself and take that back before it begins") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  Recommendation recommendation;
  recommendation.id = "r1";
  recommendation.advisor = "stale_matview";
  recommendation.change = refresh_plan(true);
  const Decision automatic{DecisionKind::automatic, "action_class refresh_matview", "auto", std::nullopt};
  SECTION("policy still allows it") {
    rig.policy().defaults[ActionClass::refresh_matview] = PolicyMode::automatic;
    const auto change = rig.run(rig.pipeline().submit(recommendation, automatic));
    REQUIRE(change);
    CHECK(change->state == ChangeState::approved);
    CHECK(change->approved_by == "policy");
    CHECK(rig.drive(change->id).state == ChangeState::kept);
    // The next one rests, and says for how long.
    rig.policy().cool_down = Millis(3'600'000);
    const auto again = rig.run(rig.pipeline().submit(recommendation, automatic));
    REQUIRE(again);
    const auto waits = rig.run(rig.pipeline().waits_for(*again));
    CHECK_THAT(waits, ContainsSubstring("was changed less than 1h ago. It goes on at 20"));
    CHECK_THAT(waits, ContainsSubstring(" UTC at the earliest."));
  }
  SECTION("policy asks for a person now") {
    const auto change = rig.run(rig.pipeline().submit(recommendation, automatic));
    REQUIRE(change);
    const auto after = rig.drive(change->id, [](const Change& now) { return now.state != ChangeState::approved; });
    CHECK(after.state == ChangeState::proposed);
    CHECK(after.decision.kind == DecisionKind::needs_approval);
  }
  SECTION("what policy only recommends does not enter") {
    const auto change =
        rig.run(rig.pipeline().submit(recommendation, {DecisionKind::recommend, "x", "y", std::nullopt}));
    REQUIRE_FALSE(change);
    CHECK(change.error().code == Errc::refused);
  }
}

TEST_CASE("plans whose statements are not what they claim are refused") {
  auto& cluster = shared_cluster();
  make_shop(cluster);
  TempDir dir("pgtend-change");
  Rig rig(cluster, {.ledger_file = dir.path() / "ledger.db"});
  const auto code_of = [&](const ProposedChange& plan) {
    const auto change = rig.run(rig.pipeline().submit_plan(plan, "person:ann"));
    return change ? Errc::internal : change.error().code;
  };
  auto plan = index_plan();
  plan.sql_up = {"DROP TABLE orders"};
  CHECK(code_of(plan) == Errc::invalid_argument);
  plan.sql_up = {"CREATE INDEX orders_customer_idx ON orders (customer_id)"};
  CHECK(code_of(plan) == Errc::invalid_argument);
  plan = index_plan("orders_customer_idx", "customer_id", "nowhere");
  CHECK(code_of(plan) == Errc::not_found);
  CHECK(code_of(system_setting_plan("archive_command", "rm -rf x")) == Errc::refused);
  CHECK(code_of(system_setting_plan("no_such_setting", "1")) == Errc::not_found);
  CHECK(code_of(system_setting_plan("work_mem", "1kB")) == Errc::invalid_argument);
  CHECK(code_of(system_setting_plan("work_mem", "1TB")) == Errc::refused);
  CHECK(code_of(system_setting_plan("shared_buffers", "256MB")) == Errc::invalid_argument);
}
