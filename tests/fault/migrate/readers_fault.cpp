#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

#include "tests/fault/migrate/migration_set.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/pg_cluster.hpp"
#include "tests/support/seeds.hpp"

using namespace pgtend::test;

namespace {

using Clock = std::chrono::steady_clock;

// change.lock_timeout as shipped, and what the reader's own side may add.
constexpr double kMostMs = 100 + 50;

struct Scene {
  Scene() : dir("migrate-fault") {
    cluster.exec("postgres", "CREATE DATABASE app");
    const auto d = dir.path().string();
    std::filesystem::create_directories(dir.path() / "set");
    write_file(dir.path() / "pgtend.yaml", "ledger: {path: " + d + "/ledger.db}\nhttp: {listen: \"\", socket: " + d +
                                               "/agent.sock}\nchange: {freeze_file: " + d + "/freeze}\n");
  }
  void put(const std::string& name, const std::string& text) const { write_file(dir.path() / "set" / name, text); }
  [[nodiscard]] ChildProcess up(const std::string& log) const {
    SpawnOptions options;
    options.log = dir.path() / log;
    return {{PGTEND_BINARY, "migrate", "up", "--config", (dir.path() / "pgtend.yaml").string(), "--dir",
             (dir.path() / "set").string(), "--dsn", cluster.conninfo("app")},
            options};
  }

  PgCluster cluster;
  TempDir dir;
};

struct Worst {
  double target_ms = 0, control_ms = 0;
  long look_ups = 0;
};

double ms_of(PgSession& session, const std::string& sql) {
  const auto begun = Clock::now();
  session.exec(sql);
  return std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
}

// Reads both tables by turns and keeps the worst of each: what this machine adds befalls both.
void read_on(const PgCluster& cluster, std::uint64_t seed, const std::atomic<bool>& over, Worst& worst) {
  Dice dice(seed);
  auto session = cluster.session("app");
  while (!over) {
    const auto id = std::to_string(1 + dice.below(20'000));
    worst.control_ms = std::max(worst.control_ms, ms_of(session, "SELECT note FROM control WHERE id = " + id));
    worst.target_ms = std::max(worst.target_ms, ms_of(session, "SELECT note FROM orders WHERE id = " + id));
    ++worst.look_ups;
  }
}

// A transaction that keeps its lock on the table for a while, again and again.
void hold_on(const PgCluster& cluster, std::uint64_t seed, const std::atomic<bool>& over) {
  Dice dice(seed);
  auto session = cluster.session("app");
  while (!over) {
    session.exec("BEGIN; SELECT count(*) FROM orders WHERE id < 10");
    std::this_thread::sleep_for(std::chrono::milliseconds(dice.between(20, 250)));
    session.exec("COMMIT");
    std::this_thread::sleep_for(std::chrono::milliseconds(dice.between(0, 150)));
  }
}

}  // namespace

TEST_CASE("readers wait no longer than the lock's timeout while migrations ask for strong locks in a storm") {
  Scene scene;
  for (const char* table : {"orders", "control"})
    scene.cluster.exec("app", std::string("CREATE TABLE ") + table + " (id int PRIMARY KEY, note text); INSERT INTO " +
                                  table + " SELECT g, 'n' FROM generate_series(1, 20000) g");
  const int files = seeded_runs(4);
  for (int i = 1; i <= files; ++i) {
    const auto number = std::to_string(i);
    scene.put("V" + number + "__column.sql", "ALTER TABLE orders ADD COLUMN c" + number + " text;\n");
  }
  const auto seed = first_seed();
  INFO("PGTEND_SEED=" << seed);
  std::atomic<bool> over{false};
  std::vector<Worst> worst(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < worst.size(); ++i)
    threads.emplace_back([&, i] { read_on(scene.cluster, seed + i, over, worst[i]); });
  for (std::size_t i = 0; i < 3; ++i) threads.emplace_back([&, i] { hold_on(scene.cluster, seed + 100 + i, over); });
  auto runner = scene.up("up.log");
  const int status = runner.wait(std::chrono::milliseconds(60'000 + 20'000 * files));
  over = true;
  for (auto& thread : threads) thread.join();
  INFO(read_file(scene.dir.path() / "up.log"));
  CHECK(status == 0);
  Worst all;
  for (const auto& one : worst) {
    all.target_ms = std::max(all.target_ms, one.target_ms);
    all.control_ms = std::max(all.control_ms, one.control_ms);
    all.look_ups += one.look_ups;
  }
  const auto refused = count_of(scene.cluster.log(), "canceling statement due to lock timeout");
  std::cout << files << " strong locks, " << refused << " of them not granted at first; worst of " << all.look_ups
            << " look-ups: " << all.target_ms << " ms, in a table nobody changes " << all.control_ms << " ms\n";
  CHECK(refused > 0);
  CHECK(all.target_ms <= kMostMs + all.control_ms);
  CHECK(scene.cluster.exec("app",
                           "SELECT count(*) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > "
                           "0") == std::to_string(2 + files));
}

TEST_CASE("of eight runners on one database never two hold its lock, and each file is applied once") {
  Scene scene;
  write_migration_set(scene.dir.path() / "set");
  std::vector<ChildProcess> runners;
  for (int i = 0; i < 8; ++i) runners.push_back(scene.up("up" + std::to_string(i) + ".log"));
  auto eye = scene.cluster.session("app");
  const auto give_up = Clock::now() + std::chrono::seconds(120);
  int most = 0, held = 0;
  const auto running = [&] {
    return std::any_of(runners.begin(), runners.end(), [](ChildProcess& one) { return one.running(); });
  };
  while (running() && Clock::now() < give_up) {
    const int holders = std::stoi(
        eye.value("SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid "
                  "= x'70677464'::int::oid AND objid = 0"));
    most = std::max(most, holders);
    held += holders;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  int idle = 0;
  for (std::size_t i = 0; i < runners.size(); ++i) {
    const auto told = read_file(scene.dir.path() / ("up" + std::to_string(i) + ".log"));
    INFO(told);
    CHECK(runners[i].wait(std::chrono::milliseconds(1'000)) == 0);
    idle += told.find("nothing to do") != std::string::npos ? 1 : 0;
  }
  CHECK(idle == 7);
  CHECK(most == 1);
  CHECK(held > 0);
  CHECK(scene.cluster.exec("app", "SELECT count(*) = 8 AND count(DISTINCT id) = 8 FROM pgtend.change_log") == "t");
}
