#include "tests/bench/history/stream.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace pgtend::bench {

namespace {

bool looks_like_counter(const std::string& name) {
  for (const auto* end : {"_total", "_count", "_sum", "_bucket"})
    if (name.ends_with(end) && name != "pg_stat_activity_count" && name != "pg_locks_count") return true;
  for (const auto* gauge : {"_n_live_tup", "_n_dead_tup", "_since_analyze", "_min_time_seconds", "_max_time_seconds",
                            "_mean_time_seconds", "_stddev_time_seconds"})
    if (name.ends_with(gauge)) return false;
  if (name.find("_last_") != std::string::npos) return false;
  return name.starts_with("pg_stat_statements_") || name.starts_with("pg_stat_user_tables_") ||
         name.starts_with("pg_statio_user_tables_");
}

SeriesKey parse_key(const std::string& json) {
  SeriesKey key;
  const auto labels = nlohmann::json::parse(json);
  std::vector<Label> items;
  for (const auto& [name, value] : labels.items()) {
    if (name == "__name__") {
      key.name = value.get<std::string>();
    } else {
      items.emplace_back(name, value.get<std::string>());
    }
  }
  key.labels = Labels(std::move(items));
  return key;
}

}  // namespace

StreamTarget::StreamTarget(const std::string& folder, std::string name, std::vector<SharedKey> keys)
    : name_(std::move(name)), keys_(std::move(keys)) {
  for (const auto& key : keys_) counter_.push_back(looks_like_counter(key->name));
  std::ifstream times(folder + "/ts_" + name_ + ".i64", std::ios::binary);
  for (std::int64_t at = 0; times.read(reinterpret_cast<char*>(&at), sizeof at);) times_.push_back(at);
  const auto path = folder + "/values_" + name_ + ".f64";
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status{};
  if (file < 0 || ::fstat(file, &status) != 0) throw std::runtime_error("cannot open " + path);
  mapped_ = static_cast<std::size_t>(status.st_size);
  if (times_.empty() || mapped_ != keys_.size() * times_.size() * sizeof(double)) {
    ::close(file);
    throw std::runtime_error(path + " does not fit the series and times");
  }
  void* at = ::mmap(nullptr, mapped_, PROT_READ, MAP_SHARED, file, 0);
  ::close(file);
  if (at == MAP_FAILED) throw std::runtime_error("cannot map " + path);
  values_ = static_cast<const double*>(at);
}

StreamTarget::~StreamTarget() {
  ::munmap(const_cast<double*>(values_), mapped_);
}

Stream::Stream(StreamOptions options) : options_(std::move(options)) {
  std::ifstream file(options_.folder + "/series.tsv");
  if (!file) throw std::runtime_error("cannot open " + options_.folder + "/series.tsv");
  std::vector<std::pair<std::string, std::vector<SharedKey>>> by_target;
  std::string line;
  for (std::getline(file, line); std::getline(file, line);) {
    const auto tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const auto name = line.substr(0, tab);
    if (by_target.empty() || by_target.back().first != name) by_target.emplace_back(name, std::vector<SharedKey>());
    auto key = parse_key(line.substr(tab + 1));
    // Both exporters have series about themselves, which only the target tells apart.
    key.labels.set("job", name);
    by_target.back().second.push_back(std::move(key));
  }
  for (auto& [name, keys] : by_target) {
    targets_.push_back(std::make_unique<StreamTarget>(options_.folder, name, std::move(keys)));
    const auto& target = *targets_.back();
    counters_.emplace_back(target.keys().size());
    for (std::size_t t = 0; t < target.times().size(); t += options_.every)
      ticks_.push_back({target.times()[t] + options_.shift_ms, targets_.size() - 1, t});
  }
  std::stable_sort(ticks_.begin(), ticks_.end(), [](const Tick& a, const Tick& b) { return a.at < b.at; });
}

double Stream::value(const Tick& tick, std::size_t series) const {
  const double value = targets_[tick.target]->at(series, tick.tick);
  // Beyond 1e9 a double has no microseconds to keep.
  if (!options_.quantise || !std::isfinite(value) || value == std::trunc(value) || std::abs(value) > 1e9) return value;
  return std::round(value * 1e6) / 1e6;
}

std::size_t Stream::series() const {
  std::size_t all = 0;
  for (const auto& target : targets_) all += target->keys().size();
  return all;
}

SnapshotPtr Stream::snapshot(const Tick& tick) {
  const auto& target = *targets_[tick.target];
  auto& counters = counters_[tick.target];
  auto out = std::make_shared<Snapshot>();
  out->collector = target.name();
  out->instance = "main";
  out->taken_at = from_ms(tick.at);
  out->interval = Millis(1'000 * static_cast<std::int64_t>(options_.every));
  out->samples.reserve(target.keys().size());
  for (std::size_t s = 0; s < target.keys().size(); ++s) {
    const double value_now = value(tick, s);
    if (is_stale(value_now)) continue;
    SeriesSample sample{target.keys()[s], value_now, MetricKind::gauge, 0};
    if (target.is_counter(s)) {
      if (value_now < counters[s].last) ++counters[s].epoch;
      counters[s].last = value_now;
      sample.kind = MetricKind::counter;
      sample.epoch = counters[s].epoch;
    }
    out->samples.push_back(std::move(sample));
  }
  return out;
}

}  // namespace pgtend::bench
