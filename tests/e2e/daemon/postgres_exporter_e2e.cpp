// Debian's postgres_exporter beside the agent on one server: the same series with the same values, but for the
// exceptions that docs/compat.md lists.
#include <algorithm>
#include <cmath>
#include <sstream>

#include "agent/http/client.hpp"
#include "tests/e2e/daemon/daemon.hpp"
#include "tests/support/catch.hpp"

using namespace pgtend::test;

namespace {

using Series = std::map<std::string, double>;

bool starts_with_any(const std::string& text, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const auto& prefix) { return text.starts_with(prefix); });
}

// Without one label of the series.
std::string without(std::string key, const std::string& label) {
  const auto at = key.find(label + "=\"");
  if (at == std::string::npos) return key;
  auto end = key.find('"', at + label.size() + 2) + 1;
  if (end < key.size() && key[end] == ',')
    key.erase(at, end + 1 - at);
  else
    key.erase(key[at - 1] == ',' ? at - 1 : at, end - (key[at - 1] == ',' ? at - 1 : at));
  return key.ends_with("{}") ? key.substr(0, key.size() - 2) : key;
}

// The sessions are told apart by more labels in 0.20: added up, their age is the greatest. `exact`: as 0.11 has them.
void add(Series& all, std::string key, double value, bool exact) {
  if (exact) {
    all[key] = value;
    return;
  }
  const bool sessions = key.starts_with("pg_stat_activity_");
  for (const auto* label : {"server", "usename", "application_name", "backend_type", "wait_event_type", "wait_event"})
    if (sessions || label == std::string("server")) key = without(key, label);
  const auto [it, fresh] = all.try_emplace(key, value);
  if (!fresh) it->second = key.starts_with("pg_stat_activity_max") ? std::max(it->second, value) : it->second + value;
}

// NaN stands for NULL, which for us is no sample.
Series parse(const std::string& text, bool exact) {
  Series out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("pg_")) continue;
    const auto end = line.find('}') == std::string::npos ? line.find(' ') : line.find('}') + 1;
    const double value = std::strtod(line.c_str() + end, nullptr);
    if (!std::isnan(value)) add(out, line.substr(0, end), value, exact);
  }
  return out;
}

// What docs/compat.md excepts: what the exporter says of itself, and what 0.11 has and 0.20 has not.
bool is_excepted(const std::string& key) {
  return starts_with_any(key, {"pg_exporter_", "pg_scrape_collector_", "pg_stat_database_active_time{"}) ||
         key.find("datid=\"0\"") != std::string::npos;
}

std::string fetch(const std::string& url) {
  pgtend::http::ClientRequest request;
  request.url = url;
  const auto answer = pgtend::http::send_blocking(request);
  return answer && answer->status == 200 ? answer->body : std::string();
}

class PostgresExporter {
 public:
  explicit PostgresExporter(const PgCluster& cluster) : port_(free_port()), dir_("pgtend-exporter") {
    SpawnOptions options;
    options.log = dir_.path() / "log";
    options.environment["DATA_SOURCE_NAME"] = cluster.conninfo() + " sslmode=disable";
    process_ = ChildProcess(
        {"/usr/bin/prometheus-postgres-exporter", "--web.listen-address=127.0.0.1:" + std::to_string(port_)}, options);
    if (!eventually([&] { return scrape(true).contains("pg_up"); }))
      throw std::runtime_error("postgres_exporter does not answer: " + read_file(options.log));
  }
  [[nodiscard]] Series scrape(bool exact) const {
    return parse(fetch("http://127.0.0.1:" + std::to_string(port_) + "/metrics"), exact);
  }

 private:
  int port_;
  TempDir dir_;
  ChildProcess process_;
};

// The least and the greatest value that the agent gave before and after the exporter's.
struct Range {
  double low, high;
};

void widen(std::map<std::string, Range>& ranges, const Series& now) {
  for (const auto& [key, value] : now) {
    auto& range = ranges.try_emplace(key, Range{value, value}).first->second;
    range = {std::min(range.low, value), std::max(range.high, value)};
  }
}

std::vector<std::string> differing(const Series& theirs, const std::map<std::string, Range>& ours) {
  std::vector<std::string> out;
  for (const auto& [key, value] : theirs) {
    if (is_excepted(key)) continue;
    const auto it = ours.find(key);
    const double margin = std::fabs(value) * 1e-9 + 1e-3;  // whole microseconds, shown in the server's milliseconds
    if (it == ours.end())
      out.push_back(key + " is missing; postgres_exporter has " + std::to_string(value));
    else if (value < it->second.low - margin || value > it->second.high + margin)
      out.push_back(key + " is " + std::to_string(value) + ", not within " + std::to_string(it->second.low) + " and " +
                    std::to_string(it->second.high));
  }
  return out;
}

}  // namespace

TEST_CASE("of postgres_exporter's default series 99 in 100 are the agent's too, with the same values") {
  // With compat.version 0.11 labels need no excuse either.
  const bool exact = GENERATE(false, true);
  PgCluster cluster;
  cluster.exec("postgres", "CREATE DATABASE shop");
  cluster.exec("shop", "CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 1000) g");
  std::string intervals;
  for (const auto* name : {"database", "database_conflicts", "database_size", "archiver", "bgwriter", "locks",
                           "sessions", "server_info", "settings", "identity"})
    intervals += (intervals.empty() ? "" : ", ") + std::string(name) + ": 500ms";
  Daemon daemon(cluster, {{"collection", "  intervals: {" + intervals + "}\n  budget: {cpu_ratio: 1.0}\n"},
                          {"compat", exact ? "  version: \"0.11\"\n" : "  version: \"0.20\"\n"}});
  daemon.start();
  const PostgresExporter exporter(cluster);
  REQUIRE(eventually([&] { return parse(daemon.metrics(), false).contains("pg_settings_max_connections"); },
                     std::chrono::seconds(40)));
  std::map<std::string, Range> ours;
  widen(ours, parse(daemon.metrics(), exact));
  const Series theirs = exporter.scrape(exact);
  REQUIRE(theirs.size() > 300);
  std::vector<std::string> wrong;
  eventually(
      [&] {
        widen(ours, parse(daemon.metrics(), exact));
        wrong = differing(theirs, ours);
        return wrong.empty();
      },
      std::chrono::seconds(20));
  const auto compared =
      std::count_if(theirs.begin(), theirs.end(), [](const auto& one) { return !is_excepted(one.first); });
  CAPTURE(wrong, compared);
  CHECK(static_cast<double>(wrong.size()) <= 0.01 * static_cast<double>(compared));
}
