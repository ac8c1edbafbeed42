#include "collectors/redis/redis.hpp"

#include <charconv>
#include <cmath>
#include <map>

#include "agent/base/strings.hpp"
#include "collectors/redis/metrics.hpp"

namespace pgtend::collectors {
namespace {

using Fields = std::map<std::string, std::string, std::less<>>;

// More lines than any version has; a peer that sends others costs no more than this.
constexpr std::size_t kMaxFields = 2'000;
// Databases and replicas, each a few series. Source: Redis has 16 databases by default.
constexpr std::size_t kMaxRepeated = 64;

// "field:value" lines; sections and empty lines are passed over.
Fields fields_of(std::string_view info) {
  Fields out;
  while (!info.empty() && out.size() < kMaxFields) {
    const auto end = std::min(info.find('\n'), info.size());
    const auto line = trim(info.substr(0, end));
    info.remove_prefix(std::min(end + 1, info.size()));
    const auto colon = line.find(':');
    if (line.starts_with('#') || colon == std::string_view::npos) continue;
    out.emplace(line.substr(0, colon), line.substr(colon + 1));
  }
  return out;
}

// "keys=1,expires=0" as fields.
Fields parts_of(std::string_view text) {
  Fields out;
  for (const auto& part : split(text, ',')) {
    const auto equals = part.find('=');
    if (equals != std::string::npos) out.emplace(part.substr(0, equals), part.substr(equals + 1));
  }
  return out;
}

std::optional<double> number_of(std::string_view text) {
  if (text == "ok" || text == "up") return 1;
  if (text == "err" || text == "down") return 0;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// "7.0.15" -> 70000; 0 when it is none.
int version_number(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() < 2) return 0;
  const auto major = number_of(parts[0]), minor = number_of(parts[1]);
  if (!major || !minor || *major < 0 || *major > 999 || *minor < 0 || *minor > 99) return 0;
  return static_cast<int>(*major) * 10'000 + static_cast<int>(*minor) * 100;
}

// "db0" or "slave12": this word and digits.
bool is_numbered(std::string_view field, std::string_view word) {
  if (!field.starts_with(word) || field.size() == word.size()) return false;
  return field.substr(word.size()).find_first_not_of("0123456789") == std::string_view::npos;
}

class Reading {
 public:
  Reading(const RedisAnswers& answers, std::string_view cache)
      : answers_(answers),
        cache_(cache),
        fields_(fields_of(answers.info)),
        version_(version_number(text("redis_version"))),
        epoch_(epoch_hash(ServerIdentity{}, text("run_id"))) {}

  RedisRun run(const std::optional<RedisCounts>& before, UtcTime now) {
    out_.version = text("redis_version");
    for (const auto& metric : redis_metric_table()) read(metric);
    instance(now);
    databases();
    replication();
    others();
    hit_ratio(before);
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::string text(std::string_view field) const {
    const auto found = fields_.find(field);
    return found == fields_.end() ? std::string() : found->second;
  }
  [[nodiscard]] std::optional<double> number(std::string_view field) const { return number_of(text(field)); }

  void read(const RedisMetric& metric) {
    const auto value = number(metric.field);
    if (value) {
      add(metric.metric, {}, *value * metric.scale, metric.kind);
    } else if (metric.since == 0 || (version_ != 0 && metric.since <= version_)) {
      out_.lost.push_back("INFO: " + std::string(metric.field));
    }
  }

  void instance(UtcTime now) {
    if (out_.version.empty()) return;
    std::vector<Label> labels;
    for (const auto* field : {"role", "redis_version", "redis_build_id", "redis_mode", "os", "maxmemory_policy",
                              "tcp_port", "run_id", "process_id", "master_replid"})
      labels.emplace_back(field, text(field));
    add("redis_instance_info", std::move(labels), 1);
    // Whole seconds, as uptime has them: a start that wanders with the clock's fraction would be a new value each run.
    if (const auto uptime = number("uptime_in_seconds"))
      add("redis_start_time_seconds", {}, std::floor(to_seconds(now)) - *uptime);
  }

  void databases() {
    std::size_t count = 0;
    for (const auto& [field, value] : fields_) {
      if (!is_numbered(field, "db") || ++count > kMaxRepeated) continue;
      const auto parts = parts_of(value);
      const auto part = [&](const char* name, const char* metric, double scale) {
        const auto found = parts.find(name);
        if (found == parts.end()) return;
        if (const auto number = number_of(found->second)) add(metric, {{"db", field}}, *number * scale);
      };
      part("keys", "redis_db_keys", 1);
      part("expires", "redis_db_keys_expiring", 1);
      part("avg_ttl", "redis_db_avg_ttl_seconds", 0.001);
    }
  }

  void replication() {
    const std::vector<Label> master{{"master_host", text("master_host")}, {"master_port", text("master_port")}};
    const std::pair<const char*, const char*> of_master[] = {
        {"master_link_status", "redis_master_link_up"},
        {"master_last_io_seconds_ago", "redis_master_last_io_seconds_ago"},
        {"master_sync_in_progress", "redis_master_sync_in_progress"},
        {"slave_repl_offset", "redis_slave_repl_offset"}};
    for (const auto& [field, metric] : of_master)
      if (const auto value = number(field)) add(metric, master, *value);
    std::size_t count = 0;
    for (const auto& [field, value] : fields_) {
      if (!is_numbered(field, "slave") || ++count > kMaxRepeated) continue;
      auto parts = parts_of(value);
      const std::vector<Label> labels{
          {"slave_ip", parts["ip"]}, {"slave_port", parts["port"]}, {"slave_state", parts["state"]}};
      if (const auto offset = number_of(parts["offset"])) add("redis_connected_slave_offset_bytes", labels, *offset);
      if (const auto lag = number_of(parts["lag"])) add("redis_connected_slave_lag_seconds", labels, *lag);
    }
  }

  void others() {
    if (answers_.slowlog_length)
      add("redis_slowlog_length", {}, static_cast<double>(*answers_.slowlog_length));
    else
      out_.lost.emplace_back("SLOWLOG LEN");
    if (!answers_.latency) out_.lost.emplace_back("LATENCY LATEST");
    for (const auto& spike : answers_.latency.value_or(std::vector<RedisLatency>())) {
      add("redis_latency_spike_last", {{"event_name", spike.event}}, spike.last_at);
      add("redis_latency_spike_duration_seconds", {{"event_name", spike.event}}, spike.last_seconds);
    }
    if (answers_.round_trip_seconds)
      add("pgtend_redis_round_trip_seconds", {}, *answers_.round_trip_seconds);
    else
      out_.lost.emplace_back("PING");
  }

  void hit_ratio(const std::optional<RedisCounts>& before) {
    const auto hits = number("keyspace_hits"), misses = number("keyspace_misses");
    if (!hits || !misses) return;
    out_.counts = RedisCounts{text("run_id"), *hits, *misses};
    // CONFIG RESETSTAT leaves the run_id, so that a fall is all that tells of it.
    if (!before || before->run_id != out_.counts->run_id || *hits < before->hits || *misses < before->misses) return;
    const double found = *hits - before->hits, reads = found + *misses - before->misses;
    if (reads > 0) add("pgtend_redis_hit_ratio", {}, found / reads);
  }

  void add(std::string_view name, std::vector<Label> labels, double value, MetricKind kind = MetricKind::gauge) {
    if (!cache_.empty()) labels.emplace_back("cache", std::string(cache_));
    out_.samples.push_back(
        {{std::string(name), Labels(std::move(labels))}, value, kind, kind == MetricKind::counter ? epoch_ : 0});
  }

  const RedisAnswers& answers_;
  std::string_view cache_;
  const Fields fields_;
  const int version_;
  const std::uint64_t epoch_;
  RedisRun out_;
};

}  // namespace

RedisRun redis_series(const RedisAnswers& answers, std::string_view cache, const std::optional<RedisCounts>& before,
                      UtcTime now) {
  return Reading(answers, cache).run(before, now);
}

}  // namespace pgtend::collectors
