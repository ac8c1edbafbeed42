#include <sys/stat.h>
#include <unistd.h>

#include "agent/change/kinds/pgbouncer_settings.hpp"
#include "tests/pg/change/rig.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::test;

namespace {

ProposedChange pool_plan(const std::string& value, const std::string& name = "default_pool_size") {
  ProposedChange plan;
  plan.action = ActionClass::pgbouncer_setting;
  plan.kind = ChangeKind::pgbouncer;
  plan.detail = PgbouncerChange{"", name, value};
  return plan;
}

// A pooler whose file has comments, a password and a mode of its own.
struct Scene {
  explicit Scene(bool newer = false, const std::string& more = "") : cluster(shared_cluster()) {
    make_shop(cluster);
    PgBouncerOptions options;
    options.settings = {{"default_pool_size", "20"}};
    options.newer = newer;
    bouncer = std::make_unique<PgBouncerProcess>(cluster, options);
    rewrite("; pools\n" + read_file(ini()) + more + "\n# the end\n[users]\n");
    // One that nobody uses.
    auto text = read_file(ini());
    const std::string section = "[databases]\n";
    rewrite(text.replace(text.find(section), section.size(), section + "old = host=db password=hunter2\n"));
    reload();
    REQUIRE(::chmod(ini().c_str(), 0644) == 0);
    ledger = (dir.path() / "ledger.db").string();
  }

  [[nodiscard]] std::filesystem::path ini() const { return bouncer->ini_file(); }
  // In its place, so that it stays the same file.
  void rewrite(const std::string& text) const { write_file(ini(), text); }
  void reload() const { PgSession(bouncer->conninfo("pgbouncer")).exec("RELOAD"); }
  [[nodiscard]] RigOptions options(const std::string& user = "postgres") const {
    RigOptions out;
    out.ledger_file = ledger;
    out.poolers = [file = ini().string(), parameters = bouncer->parameters("pgbouncer", user)](auto blocking) {
      pg::ConnectSpec console;
      console.parameters = parameters;
      console.admin_console = true;
      return std::vector<change::Pooler>{{"", file, console, blocking}};
    };
    return out;
  }
  // What the pooler runs with.
  [[nodiscard]] std::string running(const std::string& name) const {
    PgSession console(bouncer->conninfo("pgbouncer"));
    const auto rows = console.rows("SHOW CONFIG");
    const auto found = change::running_setting(rows, name);
    return found ? found->value : "";
  }

  PgCluster& cluster;
  TempDir dir{"pgtend-change"};
  std::unique_ptr<PgBouncerProcess> bouncer;
  std::string ledger;
};

std::string refusal(Rig& rig, const ProposedChange& plan) {
  const auto answer = rig.run(rig.pipeline().submit_plan(plan, "person:ann"));
  REQUIRE_FALSE(answer);
  return answer.error().describe();
}

Change undone(Rig& rig, const std::string& id) {
  REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  return rig.drive(id);
}

}  // namespace

TEST_CASE("a setting of pgbouncer.ini is changed in its line, is in force, and the undo gives the very file back") {
  const bool newer = GENERATE(false, true);
  const auto* name = GENERATE("default_pool_size", "query_wait_timeout");
  CAPTURE(newer, name);
  Scene scene(newer);
  const auto before = read_file(scene.ini());
  const auto value = scene.running(name);
  struct stat was{}, is{};
  // Of another owner, who stays it.
  if (::geteuid() == 0) REQUIRE(::chown(scene.ini().c_str(), 65534, 65534) == 0);
  REQUIRE(::stat(scene.ini().c_str(), &was) == 0);
  std::string id;
  {
    Rig rig(scene.cluster, scene.options());
    const auto proposed = rig.run(rig.pipeline().submit_plan(pool_plan("30", name), "person:ann"));
    REQUIRE(proposed);
    CHECK(proposed->plan.object == "pgbouncer " + std::string(name));
    CHECK(proposed->plan.sql_up == std::vector<std::string>{"pgbouncer.ini: " + std::string(name) + " = 30", "RELOAD"});
    id = rig.approved(*proposed).id;
    const auto change = rig.drive(id);
    CAPTURE(change.last_error);
    REQUIRE(change.state == ChangeState::kept);
    CHECK_THAT(change.verdict->explanation, ContainsSubstring("the file and SHOW CONFIG show that pgbouncer_setting"));
    CHECK(scene.running(name) == "30");
    const auto after = read_file(scene.ini());
    CHECK_THAT(after, ContainsSubstring(std::string(name) + " = 30\n"));
    CHECK_THAT(after, ContainsSubstring("; pools\n"));
    REQUIRE(::stat(scene.ini().c_str(), &is) == 0);
    CHECK(is.st_mode == was.st_mode);
    CHECK(is.st_uid == was.st_uid);
    CHECK(is.st_gid == was.st_gid);
    const auto back = undone(rig, id);
    CAPTURE(back.last_error);
    CHECK(back.state == ChangeState::reverted);
  }
  CHECK(read_file(scene.ini()) == before);
  CHECK(scene.running(name) == value);
  for (const auto& file : std::filesystem::directory_iterator(scene.dir.path()))
    CHECK_THAT(read_file(file.path()), !ContainsSubstring("hunter2"));
}

TEST_CASE("an agent killed at any point of a change of pgbouncer.ini brings it to its right end after the restart") {
  const std::string point = GENERATE("after approved>pre_validated", "after pre_validated>applying", "applying.step",
                                     "applying.executed", "after applying>post_validated");
  CAPTURE(point);
  Scene scene;
  std::string id;
  {
    Rig rig(scene.cluster, scene.options());
    id = rig.approved(pool_plan("30")).id;
  }
  run_agent_until(scene.cluster, scene.options(), id, point);
  // As if it had been killed in the middle of writing, too.
  const auto leftover = scene.ini().parent_path() / (".pgbouncer.ini.pgtend-" + id.substr(0, 8));
  if (point == "after pre_validated>applying") write_file(leftover, "[pgbou");
  Rig rig(scene.cluster, scene.options());
  rig.run(rig.pipeline().recover());
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(scene.running("default_pool_size") == "30");
  CHECK_THAT(read_file(scene.ini()), ContainsSubstring("default_pool_size = 30\n"));
  CHECK_FALSE(std::filesystem::exists(leftover));
}

TEST_CASE("an agent killed while it undoes a change of pgbouncer.ini finishes the undo after the restart") {
  const std::string point = GENERATE("after reverting>reverting", "reverting.step", "reverting.executed");
  CAPTURE(point);
  Scene scene;
  const auto before = read_file(scene.ini());
  std::string id;
  {
    Rig rig(scene.cluster, scene.options());
    id = rig.approved(pool_plan("30")).id;
    REQUIRE(rig.drive(id).state == ChangeState::kept);
    REQUIRE(rig.run(rig.pipeline().undo(id, "person:ann")));
  }
  run_agent_until(scene.cluster, scene.options(), id, point);
  Rig rig(scene.cluster, scene.options());
  rig.run(rig.pipeline().recover());
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::reverted);
  CHECK(read_file(scene.ini()) == before);
  CHECK(scene.running("default_pool_size") == "20");
}

TEST_CASE("a pooler that goes away before it could load the file has the new value when it is back") {
  Scene scene;
  auto options = scene.options();
  bool stopped = false;
  options.fault = [&](std::string_view point) {
    if (point == "applying.step" && !stopped) scene.bouncer->stop();
    if (point == "applying.step") stopped = true;
  };
  Rig rig(scene.cluster, options);
  const auto id = rig.approved(pool_plan("30")).id;
  const auto waiting = rig.drive(
      id, [&](const Change& now) { return is_final(now.state) || (stopped && now.state == ChangeState::applying); });
  CHECK(waiting.state == ChangeState::applying);
  scene.bouncer->start();
  const auto change = rig.drive(id);
  CAPTURE(change.last_error);
  CHECK(change.state == ChangeState::kept);
  CHECK(scene.running("default_pool_size") == "30");
}

TEST_CASE("what somebody edited since is left as it is, and what is not loaded is not brought into force") {
  Scene scene;
  Rig rig(scene.cluster, scene.options());
  const auto id = rig.approved(pool_plan("30")).id;
  REQUIRE(rig.drive(id).state == ChangeState::kept);
  auto text = read_file(scene.ini());
  const auto replace = [&](const std::string& old, const std::string& fresh) {
    text.replace(text.find(old), old.size(), fresh);
    scene.rewrite(text);
  };
  SECTION("another line, loaded") {
    replace("; pools", "; our pools");
    scene.reload();
    const auto change = undone(rig, id);
    CAPTURE(change.last_error);
    CHECK(change.state == ChangeState::reverted);
    CHECK_THAT(read_file(scene.ini()), ContainsSubstring("; our pools"));
    CHECK_THAT(read_file(scene.ini()), ContainsSubstring("default_pool_size = 20"));
  }
  SECTION("another setting, not loaded") {
    replace("default_pool_size = 30\n", "default_pool_size = 30\nquery_timeout = 7\n");
    const auto change = undone(rig, id);
    CHECK(change.state == ChangeState::failed);
    CHECK_THAT(change.last_error, ContainsSubstring("query_timeout is 7"));
    CHECK(read_file(scene.ini()) == text);
    CHECK(scene.running("query_timeout") == "0");
  }
  SECTION("the same line") {
    replace("default_pool_size = 30", "default_pool_size = 31");
    scene.reload();
    const auto change = undone(rig, id);
    CHECK(change.state == ChangeState::failed);
    CHECK_THAT(change.last_error, ContainsSubstring("somebody changed it"));
    CHECK(read_file(scene.ini()) == text);
  }
}

TEST_CASE("a plan that is not a number of the list, or does not fit, is refused before anything is touched") {
  Scene scene;
  const auto before = read_file(scene.ini());
  Rig rig(scene.cluster, scene.options());
  CHECK_THAT(refusal(rig, pool_plan("any", "auth_type")), ContainsSubstring("not changed by pgtend"));
  CHECK_THAT(refusal(rig, pool_plan("30; x")), ContainsSubstring("a whole number"));
  CHECK_THAT(refusal(rig, pool_plan("0.5")), ContainsSubstring("a whole number"));
  CHECK_THAT(refusal(rig, pool_plan("5000")), ContainsSubstring("connections that the server takes"));
  CHECK_THAT(refusal(rig, pool_plan("5", "max_prepared_statements")), ContainsSubstring("no setting"));
  auto other = pool_plan("30");
  std::get<PgbouncerChange>(other.detail).pooler = "edge";
  CHECK_THAT(refusal(rig, other), ContainsSubstring("ini_file"));
  scene.rewrite(before + "%include /etc/more.ini\n");
  CHECK_THAT(refusal(rig, pool_plan("30")), ContainsSubstring("%include"));
  scene.rewrite(before);
  const auto stale = rig.approved(pool_plan("30")).id;
  scene.rewrite(before + "; longer\n");
  const auto change = rig.drive(stale);
  CHECK(change.state == ChangeState::failed);
  CHECK_THAT(change.last_error, ContainsSubstring("not what it was"));
  CHECK(read_file(scene.ini()) == before + "; longer\n");
}

TEST_CASE("a user who may only look is told what lets it RELOAD, and the file of another pooler is left alone") {
  Scene scene;
  const auto before = read_file(scene.ini());
  {
    Rig rig(scene.cluster, scene.options("pgtend_monitor"));
    const auto change = rig.drive(rig.approved(pool_plan("30")).id);
    CHECK(change.state == ChangeState::failed);
    CHECK(change.attempt == 0);
    CHECK_THAT(change.last_error, ContainsSubstring("admin_users"));
  }
  const auto copy = scene.dir.path() / "other.ini";
  std::filesystem::copy_file(scene.ini(), copy);
  auto options = scene.options();
  options.poolers = [file = copy.string(), right = options.poolers](auto blocking) {
    auto out = right(blocking);
    out.front().ini_file = file;
    return out;
  };
  Rig rig(scene.cluster, options);
  CHECK_THAT(refusal(rig, pool_plan("30")), ContainsSubstring("PgBouncer reads " + scene.ini().string()));
  CHECK(read_file(scene.ini()) == before);
}
