#include "collectors/logs/place.hpp"

#include <map>

#include "tests/support/catch.hpp"

using namespace pgtend;
using namespace pgtend::logs;

namespace {

RowSet settings(const std::map<std::string, std::string>& changed, bool collects = true) {
  std::map<std::string, std::string> all{{"may_current", "t"},
                                         {"log_destination", "stderr"},
                                         {"logging_collector", collects ? "on" : "off"},
                                         {"log_directory", "log"},
                                         {"log_filename", "postgresql-%Y-%m-%d_%H%M%S.log"},
                                         {"log_line_prefix", "%m "},
                                         {"data_directory", "/data"},
                                         {"cluster_name", ""},
                                         {"lc_messages", "en_US.UTF-8"}};
  for (const auto& [name, value] : changed) all[name] = value;
  RowSet out;
  out.rows.emplace_back();
  for (const auto& [name, value] : all) {
    out.columns.push_back(name);
    // A setting that the role may not see.
    out.rows[0].push_back(value == "hidden" ? std::nullopt : std::optional(value));
  }
  return out;
}

LogWhereabouts find(const RowSet& rows, const std::string& current = "", const std::string& path = "") {
  return log_whereabouts(rows, current, path, true);
}

}  // namespace

TEST_CASE("the format that tells most is followed, under the name that the server gives its files") {
  const auto text = find(settings({}), "log/postgresql-2026-11-27_140421.log");
  REQUIRE(text.place);
  CHECK(*text.place == LogPlace{LogFormat::text, "/data/log", "postgresql-*-*-*_*.log", "%m "});
  CHECK(text.current == "/data/log/postgresql-2026-11-27_140421.log");
  const auto csv = find(settings({{"log_destination", "stderr, csvlog,jsonlog"}, {"log_directory", "/var/log/pg"}}));
  CHECK(*csv.place == LogPlace{LogFormat::csv, "/var/log/pg", "postgresql-*-*-*_*.csv", "%m "});
  const auto json = find(settings({{"log_destination", "jsonlog"}, {"log_filename", "pg%%%EY"}}));
  CHECK(json.place->pattern == "pg*.json");
  CHECK(*current_logfile_sql(settings({{"log_destination", "csvlog"}})) ==
        "SELECT pg_catalog.pg_current_logfile('csvlog') AS current");
  CHECK_FALSE(current_logfile_sql(settings({{"may_current", "f"}})));
  CHECK_FALSE(current_logfile_sql(settings({}, false)));
}

TEST_CASE("without a collector only Debian's file is known") {
  const auto debian = find(settings({{"cluster_name", "15/main"}}, false));
  REQUIRE(debian.place);
  CHECK(debian.place->directory == "/var/log/postgresql");
  CHECK(debian.place->pattern == "postgresql-15-main.log");
  for (const std::string name : {"", "main", "15/", "/main", "15/../../etc", "15/a*", "x/main"}) {
    const auto other = find(settings({{"cluster_name", name}}, false));
    CHECK_FALSE(other.place);
    CHECK(other.hindrance.cure.find("logging_collector") != std::string::npos);
  }
}

TEST_CASE("what stands in the way is named with what cures it") {
  const auto hidden = find(settings({{"log_directory", "hidden"}, {"log_filename", "hidden"}}));
  CHECK_FALSE(hidden.place);
  CHECK(hidden.hindrance.cure == "GRANT pg_read_all_settings TO {role};");
  CHECK(find(settings({{"data_directory", "hidden"}})).hindrance.cure == "GRANT pg_read_all_settings TO {role};");
  const auto syslog = find(settings({{"log_destination", "syslog"}}));
  CHECK(syslog.hindrance.why.find("syslog") != std::string::npos);
  CHECK(syslog.hindrance.cure.find("ALTER SYSTEM SET log_destination") != std::string::npos);
  CHECK_FALSE(log_whereabouts(settings({}), "", "", false).place);
  CHECK(find(settings({{"lc_messages", "de_DE.UTF-8"}})).foreign_words == "de_DE.UTF-8");
  CHECK(find(settings({{"lc_messages", "C"}})).foreign_words.empty());
}

TEST_CASE("a configured path is followed wherever the server is") {
  const auto one = log_whereabouts(settings({}), "", "/srv/logs/pg-*.csv", false);
  REQUIRE(one.place);
  CHECK(*one.place == LogPlace{LogFormat::csv, "/srv/logs", "pg-*.csv", "%m "});
  CHECK(find(settings({}), "", "/pg.log").place->directory == "/");
}
