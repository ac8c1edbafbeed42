#include "collectors/logs/messages.hpp"
#include "collectors/logs/series.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::logs;

namespace {

LogEntry entry(const std::string& message, LogSeverity severity = LogSeverity::log, const std::string& state = "") {
  return {severity, state, "", message};
}

std::string vacuum(const std::string& table, const std::string& seconds) {
  return "automatic vacuum of table \"d.s." + table +
         "\": index scans: 0\ntuples: 1 removed, 2 remain, 3 are dead but not yet removable, oldest xmin: 9\nbuffer "
         "usage: 4 "
         "hits, 5 misses, 6 dirtied\nsystem usage: CPU: user: 0.00 s, system: 0.00 s, elapsed: " +
         seconds + " s";
}

}  // namespace

TEST_CASE("a checkpoint with all its numbers, and a restartpoint") {
  const auto one = parse_checkpoint(
      "checkpoint complete: wrote 80 buffers (2.0%), wrote 3 SLRU buffers; 1 WAL file(s) added, 2 removed, 3 recycled; "
      "write=4.5 s, sync=0.25 s, total=5.017 s; sync files=6, longest=0.125 s, average=0.042 s; distance=1102 kB, "
      "estimate=1103 kB; lsn=0/185ED78, redo lsn=0/185ED20");
  REQUIRE(one);
  CHECK_FALSE(one->restartpoint);
  CHECK(one->buffers == 80);
  CHECK(one->wal_added == 1);
  CHECK(one->wal_removed == 2);
  CHECK(one->wal_recycled == 3);
  CHECK(one->write == 4.5);
  CHECK(one->sync == 0.25);
  CHECK(one->total == 5.017);
  CHECK(one->sync_files == 6);
  CHECK(one->longest_sync == 0.125);
  CHECK(one->distance == 1102 * 1024);
  CHECK(one->estimate == 1103 * 1024);
  CHECK(parse_checkpoint("restartpoint complete: wrote 1 buffers (0.0%)")->restartpoint);
  CHECK_FALSE(parse_checkpoint("checkpoint starting: time"));
}

TEST_CASE("an automatic vacuum to prevent wraparound, names with dots, numbers that are none") {
  const auto one =
      parse_autovacuum("automatic aggressive vacuum to prevent wraparound of table \"d.s.t.u\": index scans: 0");
  REQUIRE(one);
  CHECK(one->wraparound);
  CHECK(one->table == TableName{"d", "s", "t.u"});
  CHECK(one->seconds == 0);
  CHECK_FALSE(parse_autovacuum("automatic vacuum of table d.s.t"));
  CHECK_FALSE(parse_autovacuum("automatic vacuum of table \"dst\""));
  CHECK_FALSE(parse_temporary_file("temporary file: path \"x\", size many"));
  CHECK_FALSE(parse_temporary_file("temporary file: path \"x\", size -1"));
  CHECK_FALSE(parse_duration_message("duration: inf ms  plan:"));
}

TEST_CASE("tables beyond the top share one place, and the counts only grow") {
  LogTally tally;
  for (int i = 0; i < 300; ++i) tally.count(entry(vacuum("t" + std::to_string(i), "0.10")));
  CHECK(tally.vacuums.rows().size() == 20);
  CHECK(tally.vacuums.other().runs == 280);
  // One that is always at work gets its own place.
  for (int i = 0; i < 5; ++i) tally.count(entry(vacuum("busy", "9.00")));
  const auto& rows = tally.vacuums.rows();
  CHECK(rows.size() == 20);
  REQUIRE(rows.contains(TableName{"d", "s", "busy"}));
  CHECK(rows.at(TableName{"d", "s", "busy"}).counts.runs == 5);
  CHECK(rows.at(TableName{"d", "s", "busy"}).counts.kept_dead == 15);
  CHECK(tally.vacuums.other().runs == 280);
  CHECK(log_samples(tally, {}, 1).size() < 300);
}

TEST_CASE("a key that loses its place and gets it back begins a new epoch") {
  Top<std::string, double> top(1, 10);
  top.at("a", 1) += 1;
  const auto first = top.rows().at("a").turn;
  top.at("b", 5) += 1;
  CHECK_FALSE(top.rows().contains("a"));
  top.at("a", 50) += 1;
  CHECK(top.rows().at("a").counts == 1);
  CHECK(top.rows().at("a").turn != first);
  // A little more than the other is not enough.
  top.at("b", 60) += 1;
  CHECK(top.rows().contains("a"));
  CHECK(top.other() == 1);
}

TEST_CASE("refused connections by why, with and without a SQLSTATE") {
  LogTally tally;
  const auto fatal = LogSeverity::fatal;
  tally.count(entry("Passwort-Authentifizierung fehlgeschlagen", fatal, "28P01"));
  tally.count(entry("password authentication failed for user \"x\"", fatal));
  tally.count(entry("no pg_hba.conf entry for host \"10.0.0.1\"", fatal));
  tally.count(entry("sorry, too many clients already", fatal, "53300"));
  tally.count(entry("the database system is starting up", fatal, "57P03"));
  tally.count(entry("terminating connection due to administrator command", fatal, "57P01"));
  CHECK(tally.refused[0] == 3);
  CHECK(tally.refused[1] == 0);
  CHECK(tally.refused[2] == 1);
  CHECK(tally.refused[3] == 1);
}

TEST_CASE("classes of SQLSTATE that nobody knows share one series, and warnings are no errors") {
  LogTally tally;
  tally.count(entry("x", LogSeverity::error, "ZZ001"));
  tally.count(entry("x", LogSeverity::error, "P0001"));
  tally.count(entry("x", LogSeverity::panic, "XX001"));
  tally.count(entry("x", LogSeverity::warning, "01000"));
  tally.count(entry("x", LogSeverity::error));
  CHECK(tally.errors[14] == 2);
  CHECK(tally.errors[13] == 1);
  double all = 0;
  for (const auto count : tally.errors) all += count;
  CHECK(all == 3);
}

TEST_CASE("every series is in the table of metrics, once, with help") {
  LogTally tally;
  tally.count(entry(vacuum("t", "1.00")));
  tally.count(entry("automatic analyze of table \"d.s.t\" system usage: CPU: elapsed: 0.01 s"));
  tally.count(entry("restartpoint complete: wrote 1 buffers (0.0%)"));
  tally.count(entry("duration: 1.000 ms  plan:\nx"));
  std::set<std::string> made, told;
  for (const auto& sample : log_samples(tally, {}, 1)) made.insert(sample.key->name);
  for (const auto& metric : log_metrics()) {
    CHECK(told.insert(metric.name).second);
    CHECK(metric.help.ends_with('.'));
  }
  CHECK(made == told);
}
