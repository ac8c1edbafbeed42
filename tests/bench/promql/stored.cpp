#include "tests/bench/promql/stored.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace pgtend::bench {

namespace {

UtcTime last_time(const test::Dataset& data) {
  UtcTime out{};
  for (const auto& series : data)
    if (!series.samples.empty()) out = std::max(out, series.samples.back().time);
  return out;
}

template <class T>
void must(const Result<T>& result) {
  if (!result) throw std::runtime_error("store: " + result.error().describe());
}

}  // namespace

Stored::Stored(const test::Dataset& data) : clock_(last_time(data) + Millis(1000)) {
  store::HistoryOptions options;
  options.path = (dir_.path() / "history.db").string();
  options.max_bytes = 4LL << 30;
  options.retention = Millis(30LL * 24 * 3'600'000);
  auto opened = store::HistoryFile::open(options, [](const std::function<void()>& job) { job(); }, clock_);
  must(opened);
  file_ = std::move(*opened);
  std::map<UtcTime, std::vector<SeriesSample>> by_time;
  for (const auto& series : data) {
    const bool counter = series.key.name.ends_with("_total");
    for (const auto& sample : series.samples)
      by_time[sample.time].push_back({series.key, sample.value, counter ? MetricKind::counter : MetricKind::gauge, 0});
  }
  std::size_t queued = 0;
  for (auto& [time, samples] : by_time) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->collector = "bench";
    snapshot->taken_at = time;
    snapshot->interval = Millis(15'000);
    snapshot->samples = std::move(samples);
    must(file_->append(std::move(snapshot)));
    if (++queued % 20 == 0) must(file_->commit());
  }
  must(file_->commit());
}

std::unique_ptr<HistoryReader> Stored::reader() {
  auto reader = file_->reader();
  must(reader);
  return std::move(*reader);
}

test::Dataset families(int count, int series, int seconds, UtcTime end) {
  test::Dataset out;
  for (int family = 0; family < count; ++family) {
    const bool counter = family % 2 == 0;
    const std::string name = "m" + std::to_string(family) + (counter ? "_total" : "_ratio");
    for (int one = 0; one < series; ++one) {
      test::StoredSeries stored{{name, {{"table", "t" + std::to_string(one)}, {"schema", one % 3 == 0 ? "a" : "b"}}},
                                {}};
      for (int second = 0; second <= seconds; second += 15) {
        const int i = second / 15;
        const double value =
            counter ? static_cast<double>(i) * (one + 1) : static_cast<double>((i * 7 + one) % 100) / 100;
        stored.samples.push_back({end - Millis(1000LL * (seconds - second)), value});
      }
      out.push_back(std::move(stored));
    }
  }
  return out;
}

}  // namespace pgtend::bench
