#include <sys/resource.h>

#include <csignal>

#include "agent/store/integrity.hpp"
#include "tests/unit/store/support.hpp"

// What a history makes of a file of another version, and the copies that it makes of its own.
using namespace pgtend;
using namespace pgtend::test;

TEST_CASE("a file of a newer version is left alone, and history goes on in memory and says so") {
  TempDir dir;
  const auto file = dir.file("history.db");
  {
    History first(file);
  }
  RawDatabase(file).exec("PRAGMA user_version=99");
  History history(file);
  REQUIRE(history.file->stats().trouble.find("newer") != std::string::npos);
  Ticks ticks(history);
  ticks.add(300);
  ticks.check(60);
  REQUIRE(RawDatabase(file).value("PRAGMA user_version") == "99");
  REQUIRE(number_of(file, "head") == "0");
  REQUIRE(history.file->backup(dir.file("copy.db")).error().code == Errc::unavailable);
}

TEST_CASE("a file of version 1 is kept, and its samples, resets and stale markers are taken over") {
  TempDir dir;
  const auto file = dir.file("history.db");
  RawDatabase(file).exec(
      "CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT, labels TEXT, kind INTEGER, instance TEXT, collector "
      "TEXT,"
      " database TEXT);"
      "CREATE TABLE samples (bucket INTEGER, series_id INTEGER, offset_ms INTEGER, value REAL,"
      " PRIMARY KEY (bucket, series_id, offset_ms)) WITHOUT ROWID;"
      "CREATE TABLE epochs (series_id INTEGER, time_ms INTEGER, epoch INTEGER, cause INTEGER);"
      "INSERT INTO series VALUES (1, 'n_total', '{\"db\":\"shop\"}', 1, 'main', 'c', ''), (2, 'g', '{}', 0, 'main', "
      "'c', '');"
      "INSERT INTO samples VALUES (5666666, 1, 0, 10), (5666666, 1, 10000, 20), (5666667, 1, 5, 30),"
      " (5666666, 2, 0, 1.5), (5666666, 2, 10000, x'020000000000f07f');"
      "INSERT INTO epochs VALUES (1, 1699999800000, 7, 0), (1, 1700000100005, 8, 1);"
      "PRAGMA application_id=1885828200; PRAGMA user_version=1");
  History history(file);
  const auto counters = history.select({named("n_total")}, kAlways);
  REQUIRE(counters.size() == 1);
  REQUIRE(counters[0].key.labels.get("db") == "shop");
  REQUIRE(counters[0].samples.size() == 3);
  REQUIRE(counters[0].samples[2].time == from_ms(1'700'000'100'005));
  REQUIRE(counters[0].epoch_starts == std::vector<std::size_t>{2});
  const auto gauges = history.select({named("g")}, kAlways);
  REQUIRE(gauges[0].samples.size() == 2);
  REQUIRE(is_stale(gauges[0].samples[1].value));
  int kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    if (entry.path().filename().string().starts_with("history.db.v1-") && entry.path().extension() != ".lock") ++kept;
  REQUIRE(kept == 1);
  REQUIRE_FALSE(history.file->moved_aside());
}

TEST_CASE("a backup is a whole file of the moment it was made") {
  TempDir dir;
  History history(dir.file("history.db"));
  Ticks ticks(history);
  ticks.add(300);
  REQUIRE(history.file->backup(dir.file("copy.db")));
  REQUIRE(history.file->backup(dir.file("copy.db")).error().code == Errc::conflict);
  REQUIRE(store::check_history_offline(dir.file("copy.db"))->sound);
  history.open({dir.file("copy.db")});
  ticks.check();
}

TEST_CASE("a backup that does not come to its end leaves nothing behind") {
  TempDir dir;
  History history(dir.file("history.db"));
  Ticks ticks(history);
  ticks.add(300);
  // Files may not grow beyond what the copy needs.
  struct rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = 16'384;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto copied = history.file->backup(dir.file("copy.db"));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  (void)std::signal(SIGXFSZ, handler);
  REQUIRE_FALSE(copied);
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    CHECK_FALSE(entry.path().filename().string().starts_with("copy.db"));
  REQUIRE(history.file->backup(dir.file("copy.db")));
  REQUIRE(store::check_history_offline(dir.file("copy.db"))->sound);
}
