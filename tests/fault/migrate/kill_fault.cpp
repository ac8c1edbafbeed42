#include <unistd.h>

#include <chrono>
#include <csignal>
#include <iostream>

#include "tests/fault/migrate/migration_set.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/seeds.hpp"

using namespace pgtend::test;

namespace {

// A server, the set of migrations and the program that applies it.
struct World {
  World() : dir("migrate-fault") {
    std::filesystem::create_directories(dir.path() / "set");
    write_migration_set(dir.path() / "set");
    const auto d = dir.path().string();
    write_file(dir.path() / "pgtend.yaml", "ledger: {path: " + d + "/ledger.db}\nhttp: {listen: \"\", socket: " + d +
                                               "/agent.sock}\nchange: {freeze_file: " + d + "/freeze}\n");
  }

  void fresh(const std::string& database) {
    cluster.exec("postgres", "DROP DATABASE IF EXISTS " + database + " WITH (FORCE)");
    cluster.exec("postgres", "CREATE DATABASE " + database);
  }
  [[nodiscard]] std::vector<std::string> command(const std::string& what, const std::string& database) const {
    return {PGTEND_BINARY,
            "migrate",
            what,
            "--config",
            (dir.path() / "pgtend.yaml").string(),
            "--dir",
            (dir.path() / "set").string(),
            "--dsn",
            cluster.conninfo(database)};
  }
  // The schema and every row, as text.
  [[nodiscard]] std::string content(const std::string& database) const {
    const auto schema =
        must_run({"pg_dump", "--schema-only", "--exclude-schema=pgtend", "-d", cluster.conninfo(database)});
    std::string rows;
    for (const std::string table : {"orders", "audit", "events"})
      rows += cluster.exec(database, "SELECT count(*) || ' ' || md5(string_agg(t::text, ',' ORDER BY t::text)) FROM " +
                                         table + " t") +
              "\n";
    return without_keys(schema) + rows;
  }

  PgCluster cluster;
  TempDir dir;

 private:
  // pg_dump of late minors writes a random key into each dump.
  static std::string without_keys(const std::string& dump) {
    std::string out;
    std::size_t at = 0;
    while (at < dump.size()) {
      const auto end = std::min(dump.size(), dump.find('\n', at));
      const auto line = dump.substr(at, end - at);
      if (!line.starts_with("\\restrict") && !line.starts_with("\\unrestrict")) out += line + "\n";
      at = end + 1;
    }
    return out;
  }
};

// Where the kills fell.
struct Tally {
  int kills = 0, half_done = 0, between = 0, invalid = 0;
};

void look(World& world, Tally& tally) {
  if (world.cluster.exec("app", "SELECT to_regclass('pgtend.change_progress') IS NOT NULL") != "t") return;
  const auto half = world.cluster.exec("app", "SELECT count(*) FROM pgtend.change_progress");
  const auto rows = world.cluster.exec("app", "SELECT count(*) FROM pgtend.change_log");
  tally.half_done += half == "1" ? 1 : 0;
  tally.between += half == "0" && rows != "0" && rows != "8" ? 1 : 0;
  tally.invalid += world.cluster.exec("app", "SELECT count(*) FROM pg_index WHERE NOT indisvalid") == "0" ? 0 : 1;
}

// Lets a run begin and ends it at a random moment: the runner, its backend, or the whole server dies. False when the
// run was over before.
bool break_a_run(World& world, Dice& dice, std::chrono::microseconds whole) {
  SpawnOptions options;
  options.log = world.dir.path() / "up.log";
  ChildProcess runner(world.command("up", "app"), options);
  ::usleep(static_cast<useconds_t>(dice.below(static_cast<int>(whole.count()))));
  if (!runner.running()) return false;
  const int how = dice.below(100);
  if (how < 80) {
    runner.signal(SIGKILL);
  } else if (how < 95) {
    world.cluster.exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app'");
  } else {
    world.cluster.kill();
    world.cluster.start();
  }
  runner.wait(std::chrono::seconds(60));
  return true;
}

void must_end_well(World& world, const std::string& what, const std::string& says) {
  const auto result = run_command(world.command(what, "app"));
  INFO(result.output);
  REQUIRE(result.status == 0);
  CHECK(result.output.find(says) != std::string::npos);
}

}  // namespace

TEST_CASE("migrations that are killed at random points end, after a run more, as an unbroken run does") {
  World world;
  world.fresh("unbroken");
  const auto begun = std::chrono::steady_clock::now();
  const auto unbroken = run_command(world.command("up", "unbroken"));
  const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begun);
  INFO(unbroken.output);
  REQUIRE(unbroken.status == 0);
  const auto expected = world.content("unbroken");
  const auto seed = first_seed();
  INFO("PGTEND_SEED=" << seed);
  Dice dice(seed);
  Tally tally;
  const int wanted = seeded_runs(3);
  world.fresh("app");
  while (tally.kills < wanted) {
    CAPTURE(tally.kills);
    const bool broken = break_a_run(world, dice, whole);
    if (broken) ++tally.kills;
    if (broken) look(world, tally);
    // Sometimes it is killed once more before it may go on.
    if (broken && tally.kills < wanted && dice.chance(60)) continue;
    must_end_well(world, "up", "");
    REQUIRE(world.content("app") == expected);
    must_end_well(world, "verify", "as the migrations left them");
    world.fresh("app");
  }
  must_end_well(world, "up", "done");
  must_end_well(world, "up", "nothing to do");
  must_end_well(world, "up", "nothing to do");
  std::cout << "kills " << tally.kills << ": " << tally.half_done << " within a file, " << tally.between
            << " between files, " << tally.invalid << " left an INVALID index\n";
  if (wanted >= 100) CHECK(tally.half_done > 10);
}
