#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/model/history.hpp"

namespace pgtend::test {

// Statement counters as the collector would have stored them, one sample each `step`, made up from a clock: statement 1
// reads the changed table, statement 2 writes it, 101 to 106 are elsewhere. From `changed_at` on the target statements
// need `buffers` and `wal` times what they did.
class ScriptedHistory final : public HistoryReader {
 public:
  struct Script {
    const Clock* clock = nullptr;
    UtcTime started;
    std::function<bool(UtcTime)> after = [](UtcTime) { return false; };
    double buffers = 1, wal = 1;
    Millis step{100};
    std::string database;
  };
  explicit ScriptedHistory(std::shared_ptr<const Script> script) : script_(std::move(script)) {}

  Result<std::vector<SeriesData>> select(const std::vector<Matcher>& matchers, TimeRange range, std::size_t) override {
    std::vector<SeriesData> out;
    for (const std::int64_t id : {1, 2, 101, 102, 103, 104, 105, 106})
      for (const auto* metric : {"pgtend_statements_calls_total", "pgtend_statements_exec_seconds_total",
                                 "pgtend_statements_shared_blocks_hit_total", "pgtend_statements_wal_bytes_total"}) {
        SeriesData series;
        series.key = {metric,
                      Labels{{"queryid", std::to_string(id)}, {"datname", script_->database}, {"usename", "app"}}};
        auto labels = series.key;
        bool wanted = true;
        for (const auto& matcher : matchers) wanted = wanted && matcher.matches(labels);
        if (!wanted) continue;
        fill(series, id, metric, range);
        out.push_back(std::move(series));
      }
    return out;
  }
  Result<std::vector<SeriesKey>> series(const std::vector<Matcher>&, TimeRange) override {
    return std::vector<SeriesKey>();
  }
  Result<std::vector<ResetEvent>> resets(TimeRange) override { return std::vector<ResetEvent>(); }
  Result<std::vector<Gap>> gaps(TimeRange) override { return std::vector<Gap>(); }

 private:
  void fill(SeriesData& series, std::int64_t id, const std::string& metric, TimeRange range) const {
    double total = 0;
    std::int64_t n = 0;
    for (UtcTime t = script_->started; t <= range.to; t += script_->step, ++n) {
      const bool target = id < 100, after = target && script_->after(t);
      // A little noise, the same at each reading.
      const double noise = 1 + 0.02 * std::sin(static_cast<double>(n) * 1.7 + static_cast<double>(id));
      if (metric.ends_with("calls_total")) total += 20;
      if (metric.ends_with("seconds_total")) total += 0.02 * noise * (after ? script_->buffers : 1);
      if (metric.ends_with("hit_total")) total += 20 * 100 * noise * (after ? script_->buffers : 1);
      if (metric.ends_with("bytes_total") && (id == 2 || id == 101))
        total += 20 * 90 * noise * (after ? script_->wal : 1);
      if (t >= range.from) series.samples.push_back({t, total});
    }
  }

  std::shared_ptr<const Script> script_;
};

}  // namespace pgtend::test
