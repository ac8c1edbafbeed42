#include "collectors/redis/redis.hpp"

#include <algorithm>
#include <set>

#include "tests/support/catch.hpp"
#include "tests/support/process.hpp"
#include "tests/support/source_dir.hpp"

using namespace pgtend;
using namespace pgtend::collectors;

namespace {

const UtcTime kNow = from_ms(1'700'000'100'250);

// Recorded from Debian 12's Redis 7.0.15: a master with a replica, and that replica.
std::string recorded(const std::string& name) {
  return pgtend::test::read_file(std::string(pgtend::test::source_dir()) + "/tests/golden/redis/" + name);
}

RedisAnswers of_master() {
  RedisAnswers out;
  out.info = recorded("info_master.txt");
  out.slowlog_length = 2;
  out.latency = std::vector<RedisLatency>{{"command", 1'700'000'000, 0.25}};
  out.round_trip_seconds = 0.0005;
  return out;
}

std::string with(std::string info, const std::string& field, const std::string& value) {
  const auto at = info.find("\n" + field + ":");
  REQUIRE(at != std::string::npos);
  return info.replace(at, info.find('\n', at + 1) - at, "\n" + field + ":" + value);
}

RedisRun run_of(const RedisAnswers& answers, const std::optional<RedisCounts>& before = std::nullopt) {
  return redis_series(answers, "", before, kNow);
}

std::optional<double> value(const RedisRun& run, const std::string& key) {
  for (const auto& sample : run.samples)
    if (to_string(sample.key) == key) return sample.value;
  return std::nullopt;
}

const SeriesSample* named(const RedisRun& run, const std::string& name) {
  for (const auto& sample : run.samples)
    if (sample.key->name == name) return &sample;
  return nullptr;
}

std::set<std::string> names(const RedisRun& run) {
  std::set<std::string> out;
  for (const auto& sample : run.samples) out.insert(sample.key->name);
  return out;
}

}  // namespace

TEST_CASE("INFO of 7.0 becomes series under the exporter's names, nothing missing") {
  const auto run = run_of(of_master());
  CHECK(run.lost.empty());
  CHECK(run.version == "7.0.15");
  CHECK(value(run, "redis_memory_max_bytes") == 104'857'600);
  CHECK(value(run, "redis_memory_used_bytes") > 500'000);
  CHECK(value(run, "redis_connected_clients") == 1);
  CHECK(value(run, "redis_max_clients") == 10'000);
  CHECK(value(run, "redis_keyspace_hits_total") == 3);
  CHECK(value(run, "redis_keyspace_misses_total") == 1);
  CHECK(value(run, "redis_rejected_connections_total") == 0);
  CHECK(value(run, "redis_rdb_last_bgsave_status") == 1);
  CHECK(value(run, R"(redis_db_keys{db="db0"})") == 2);
  CHECK(value(run, R"(redis_db_keys_expiring{db="db0"})") == 1);
  CHECK(value(run, R"(redis_db_avg_ttl_seconds{db="db0"})") > 10);
  CHECK(value(run, "redis_connected_slaves") == 1);
  CHECK(value(run, "redis_slowlog_length") == 2);
  CHECK(value(run, R"(redis_latency_spike_last{event_name="command"})") == 1'700'000'000);
  CHECK(value(run, R"(redis_latency_spike_duration_seconds{event_name="command"})") == 0.25);
  CHECK(value(run, "pgtend_redis_round_trip_seconds") == 0.0005);
  const auto* info = named(run, "redis_instance_info");
  REQUIRE(info != nullptr);
  CHECK(info->key->labels.get("role") == "master");
  CHECK(info->key->labels.get("maxmemory_policy") == "allkeys-lru");
  const auto* lag = named(run, "redis_connected_slave_lag_seconds");
  REQUIRE(lag != nullptr);
  CHECK(lag->key->labels.get("slave_ip") == "127.0.0.1");
  CHECK(lag->key->labels.get("slave_state") == "online");
  CHECK(named(run, "redis_master_link_up") == nullptr);
  CHECK(*value(run, "redis_start_time_seconds") == 1'700'000'100 - *value(run, "redis_uptime_in_seconds"));
}

TEST_CASE("a replica tells of its master") {
  auto answers = of_master();
  answers.info = recorded("info_replica.txt");
  const auto run = run_of(answers);
  CHECK(run.lost.empty());
  const auto* link = named(run, "redis_master_link_up");
  REQUIRE(link != nullptr);
  CHECK(link->value == 1);
  CHECK(link->key->labels.get("master_host") == "127.0.0.1");
  answers.info = with(answers.info, "master_link_status", "down\r");
  CHECK(named(run_of(answers), "redis_master_link_up")->value == 0);
}

TEST_CASE("the hit ratio is that of the reads since the last run, within one life of the counters") {
  auto answers = of_master();
  const auto first = run_of(answers);
  CHECK(value(first, "pgtend_redis_hit_ratio") == std::nullopt);
  REQUIRE(first.counts);
  // No read, no ratio.
  CHECK(value(run_of(answers, first.counts), "pgtend_redis_hit_ratio") == std::nullopt);
  answers.info = with(with(answers.info, "keyspace_hits", "12\r"), "keyspace_misses", "2\r");
  const auto second = run_of(answers, first.counts);
  CHECK(value(second, "pgtend_redis_hit_ratio") == Approx(0.9));
  // CONFIG RESETSTAT.
  auto reset = answers;
  reset.info = with(with(answers.info, "keyspace_hits", "1\r"), "keyspace_misses", "5\r");
  CHECK(value(run_of(reset, second.counts), "pgtend_redis_hit_ratio") == std::nullopt);
  // Another process, which had more reads than this one.
  auto restarted = answers;
  restarted.info = with(with(answers.info, "keyspace_hits", "100\r"), "run_id", "another\r");
  CHECK(value(run_of(restarted, second.counts), "pgtend_redis_hit_ratio") == std::nullopt);
}

TEST_CASE("counters continue within one process only") {
  auto answers = of_master();
  const auto epoch = named(run_of(answers), "redis_keyspace_hits_total")->epoch;
  CHECK(epoch != 0);
  CHECK(named(run_of(answers), "redis_evicted_keys_total")->epoch == epoch);
  answers.info = with(answers.info, "run_id", "another\r");
  CHECK(named(run_of(answers), "redis_keyspace_hits_total")->epoch != epoch);
}

TEST_CASE("a field that is gone loses its metric only, and what older versions never had is not missed") {
  auto answers = of_master();
  answers.info = with(answers.info, "used_memory_rss", "much\r");
  const auto run = run_of(answers);
  CHECK(run.lost == std::vector<std::string>{"INFO: used_memory_rss"});
  auto expected = names(run_of(of_master()));
  expected.erase("redis_memory_used_rss_bytes");
  CHECK(names(run) == expected);
  answers = of_master();
  const auto at = answers.info.find("maxclients:");
  answers.info.replace(at, 10, "gone______");
  CHECK(run_of(answers).lost == std::vector<std::string>{"INFO: maxclients"});
  answers.info = with(answers.info, "redis_version", "5.0.14\r");
  CHECK(run_of(answers).lost.empty());
}

TEST_CASE("what a user may not ask is named") {
  RedisAnswers answers;
  answers.info = of_master().info;
  CHECK(run_of(answers).lost == std::vector<std::string>{"SLOWLOG LEN", "LATENCY LATEST", "PING"});
}

TEST_CASE("malformed answers give no series and no end") {
  for (const std::string info : {"", ":", "\r\n\r\n", "# Server", "redis_version", "db0:keys", "db0:keys=,expires=x",
                                 "slave0:,,=,ip", "a:b:c\n:\n"}) {
    RedisAnswers answers;
    answers.info = info;
    INFO(info);
    const auto run = run_of(answers);
    for (const auto& sample : run.samples) CHECK(std::isfinite(sample.value));
    CHECK(run.lost.size() > 30);
  }
  RedisAnswers answers;
  for (int i = 0; i < 5'000; ++i) answers.info += "db" + std::to_string(i) + ":keys=1,expires=0,avg_ttl=0\r\n";
  CHECK(run_of(answers).samples.size() <= 64 * 3);
  answers.info = "used_memory:1e999\r\nmaxmemory:nan\r\nkeyspace_hits:1\r\nkeyspace_misses:\r\n";
  const auto run = run_of(answers);
  CHECK(names(run) == std::set<std::string>{"redis_keyspace_hits_total"});
  CHECK_FALSE(run.counts);
}

TEST_CASE("a named cache has its name on every series, and every Redis metric is described, once, and made") {
  auto answers = of_master();
  const auto run = redis_series(answers, "sessions", RedisCounts{run_of(answers).counts->run_id, 0, 0}, kNow);
  for (const auto& sample : run.samples) CHECK(sample.key->labels.get("cache") == "sessions");
  auto made = names(run);
  answers.info = recorded("info_replica.txt");
  made.merge(names(run_of(answers)));
  made.insert("redis_up");
  std::set<std::string> described;
  for (const auto& metric : redis_metrics()) {
    INFO(metric.name);
    CHECK(described.insert(metric.name).second);
    CHECK(metric.help.ends_with("."));
    CHECK((metric.kind == MetricKind::counter) == metric.name.ends_with("_total"));
  }
  CHECK(made == described);
}
