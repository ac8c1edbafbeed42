#include "agent/engine/load_config.hpp"

#include <algorithm>

#include "agent/engine/collector_set.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/config/folder.hpp"

using namespace pgtend;
using pgtend::test::Folder;

namespace {

std::string errors_of(const Folder& folder, const std::string& text) {
  const auto file = folder.write("pgtend.yaml", text);
  std::string out;
  for (const auto& error : engine::load_config(file).errors)
    out += std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message +
           (error.hint.empty() ? "" : "; " + error.hint) + "\n";
  return out;
}

const std::string kCollector =
    "sql: select 1 as rooms\ncolumns: [{column: rooms, metric: pgtend_rooms, help: Rooms.}]\n";

}  // namespace

TEST_CASE("names of collectors and advisors that nothing bears are errors at their place") {
  Folder folder;
  CHECK(errors_of(folder, "collection:\n  directory: " + (folder / "none") +
                              "\n  intervals:\n    statments: 1m\n    wal: 30s\n"
                              "  disabled: [archivr, 'wal*', host]\n"
                              "advisors: {disabled: [unused_indx, missing_index]}\n") ==
        "4:5: there is no collector 'statments'; did you mean 'statements'?\n"
        "6:14: there is no collector 'archivr'; did you mean 'archiver'?\n"
        "7:23: there is no advisor 'unused_indx'; did you mean 'unused_index'?\n");
  CHECK(errors_of(folder, "advisors:\n  disabled: ['index_*']\n") ==
        "2:14: no advisor matches 'index_*'; known: missing_index, duplicate_index, unused_index, stale_matview, "
        "autovacuum_behind, partition_upkeep, work_mem_spills\n");
  CHECK(
      errors_of(folder, "collection:\n  disabled: ['zz*']\n").starts_with("2:14: no collector matches 'zz*'; known: "));
}

TEST_CASE("the user's collectors may be named, wrong ones too") {
  Folder folder;
  folder.write("own/hotel.yaml", kCollector);
  folder.write("own/file.yaml", "name: motel\n" + kCollector);
  folder.write("own/broken.yaml", "name: hostel\nsq: 1\n");
  const std::string start = "collection:\n  directory: " + (folder / "own") + "\n";
  CHECK(errors_of(folder, start + "  intervals: {hotel: 1m, motel: 1m, hostel: 1m}\n  disabled: ['?otel', hostel]\n")
            .empty());
  CHECK(errors_of(folder, start + "  intervals: {hotels: 1m}\n") ==
        "3:15: there is no collector 'hotels'; did you mean 'hotel'?\n");
}

TEST_CASE("a neighbour is a collector that may be named, as it is configured") {
  Folder folder;
  const std::string section = "pgbouncer: [{name: edge}]\ncollection:\n";
  CHECK(errors_of(folder, section + "  intervals: {pgbouncer/edge: 1m}\n  disabled: ['pgbouncer/*']\n").empty());
  CHECK(errors_of(folder, section + "  disabled: [pgbouncer/egde]\n") ==
        "3:14: there is no collector 'pgbouncer/egde'; did you mean 'pgbouncer/edge'?\n");
}

TEST_CASE("a wrong interval of a collector that is not there is two mistakes") {
  Folder folder;
  CHECK(errors_of(folder, "collection:\n  intervals: {tabels: 3x}\n") ==
        "2:15: there is no collector 'tabels'; did you mean 'tables'?\n"
        "2:23: 'tabels' must be a duration like 500ms, 30s, 5m, 1h30m or 7d, not '3x'\n");
}

TEST_CASE("the defaults name nothing that is not there") {
  CHECK(engine::load_config("").errors.empty());
}

TEST_CASE("a user's collector takes the name of another only where it says so") {
  Folder folder;
  const std::string sql = "sql: select 1 as n\ncolumns: [{column: n, metric: pgtend_mine, help: Mine.}]\n";
  folder.write("own/archiver.yaml", sql);
  folder.write("own/mine.yaml", sql);
  folder.write("own/mine_too.yaml", "name: mine\n" + sql);
  folder.write("own/other.yaml", "replace: true\n" + sql);
  folder.write("own/settings.yaml", "replace: true\n" + sql);
  const auto set = engine::load_collectors(folder / "own");
  std::map<std::string, std::string> errors;
  for (const auto& error : set.errors)
    errors[std::filesystem::path(error.file).filename()] = error.message + "; " + error.hint;
  CHECK(errors.size() == 4);
  CHECK(
      errors["archiver.yaml"] ==
      "there is a shipped collector 'archiver' already; choose another name, or write replace: true to put this one in "
      "its place");
  CHECK(errors["mine_too.yaml"] ==
        "there is a collector 'mine' already, in " + std::string(folder / "own/mine.yaml") + "; choose another name");
  CHECK(errors["other.yaml"] ==
        "there is no shipped collector 'other' to replace; leave out replace, or name the one that is meant");
  CHECK(errors["settings.yaml"] == "the name 'settings' is of a collector in code; choose another name");
  const auto archiver = std::ranges::find(set.defs, std::string("archiver"), &CollectorDef::name);
  REQUIRE(archiver != set.defs.end());
  CHECK(archiver->columns.front().metric != "pgtend_mine");
}

TEST_CASE("a user's collector may replace a shipped one, and not make a metric of another") {
  Folder folder;
  const auto file =
      folder.write("own/mine.yaml", "sql: select 1 as n\ncolumns:\n  - {column: n, metric: pgtend_up, help: Mine.}\n");
  folder.write(
      "own/archiver.yaml",
      "replace: true\nsql: select 1 as n\ncolumns: [{column: n, metric: pgtend_archiver_failed_total, help: Mine.}]\n");
  folder.write("own/more.yaml",
               "sql: select 1 as n\ncolumns: [{column: n, metric: pgtend_active_sessions, help: Mine.}]\n");
  folder.write("own/zz.yaml", kCollector);
  const auto set = engine::load_collectors(folder / "own");
  REQUIRE(set.errors.size() == 2);
  CHECK(set.errors[1].message == "metric 'pgtend_active_sessions' is made by the collector 'active_sessions' already");
  CHECK(set.errors[0].file == std::string(file));
  CHECK(set.errors[0].line == 3);
  CHECK(set.errors[0].message == "metric 'pgtend_up' is made by the collector 'identity' already");
  CHECK(set.refused == std::vector<std::string>{"mine", "more"});
  const auto has = [&](const std::string& name) {
    return std::count_if(set.defs.begin(), set.defs.end(), [&](const CollectorDef& def) { return def.name == name; });
  };
  CHECK(has("mine") == 0);
  CHECK(has("archiver") == 1);
  CHECK(has("zz") == 1);
}

TEST_CASE("a user's collector whose {columns} stands for nothing is refused with its line") {
  Folder folder;
  const std::string columns = "columns: [{column: n, metric: pgtend_mine, help: Mine.}]\n";
  folder.write("own/named.yaml", "source: pg_class\nsql: |\n  SELECT {columns}, 1 AS n\n  FROM pg_class\n" + columns);
  folder.write("own/sourceless.yaml", "sql: SELECT {columns} FROM pg_class\n" + columns);
  folder.write("own/fine.yaml", "source: pg_class\nsql: SELECT {columns} FROM pg_class\nlabels: [relname]\n" +
                                    std::string("columns: [{column: relpages, metric: pgtend_fine, help: Fine.}]\n"));
  const auto set = engine::load_collectors(folder / "own");
  REQUIRE(set.errors.size() == 2);
  CHECK(set.errors[0].line == 3);
  CHECK(set.errors[0].message == "{columns} stands for no column: the statement names each of them itself");
  CHECK(set.errors[1].line == 1);
  CHECK(set.errors[1].message == "{columns} stands for columns of a view, and 'source' names none");
  CHECK(set.refused == std::vector<std::string>{"named", "sourceless"});
}
