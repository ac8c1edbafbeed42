#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "agent/api/exporter_names.hpp"
#include "agent/base/clock.hpp"
#include "agent/model/series.hpp"
#include "agent/model/snapshot.hpp"

namespace prometheus {
class Counter;
class Gauge;
}  // namespace prometheus

namespace pgtend::api {

struct BoardOptions {
  std::string version;
  // Series of the server on one scrape. Source: reference measurement, an exporter without a guard gave 58,604 on
  // 2,002 tables; dashboards need far fewer, history keeps all.
  std::size_t max_series = 5000;
  // How each metric is served a second time under its postgres_exporter name.
  ExporterOptions exporter = {};
};

// One series of the agent itself; valid as long as the board. Any thread.
class OwnCounter {
 public:
  void add(double by = 1);
  [[nodiscard]] double value() const;

 private:
  friend class MetricsBoard;
  explicit OwnCounter(prometheus::Counter* counter) : counter_(counter) {}
  prometheus::Counter* counter_;
};

class OwnGauge {
 public:
  void set(double value);
  [[nodiscard]] double value() const;

 private:
  friend class MetricsBoard;
  explicit OwnGauge(prometheus::Gauge* gauge) : gauge_(gauge) {}
  prometheus::Gauge* gauge_;
};

// What /metrics shows, held in memory: the latest good snapshot of each collector and database, and the agent's own
// series. A scrape formats nothing that did not change.
// REQUIRES: I/O thread only, but for OwnCounter and OwnGauge.
class MetricsBoard {
 public:
  explicit MetricsBoard(BoardOptions options);
  ~MetricsBoard();
  MetricsBoard(const MetricsBoard&) = delete;
  MetricsBoard& operator=(const MetricsBoard&) = delete;

  // Help, type and exporter name of every metric that collectors make; a reload replaces all of them.
  void set_defs(std::vector<MetricDef> defs);
  // Takes a run of a collector. One that failed leaves the samples of the last good run until they are stale
  // (older than three intervals). One that does not apply to the server leaves nothing.
  void publish(SnapshotPtr snapshot);
  // Drops what a collector said of a database (dropped database, removed collector).
  void forget(const std::string& collector, const std::string& database);

  // The exposition text, format 0.0.4.
  [[nodiscard]] std::string render(UtcTime now);
  static constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";

  // The agent's own series; asking twice for one name and labels gives the same series.
  OwnCounter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  OwnGauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});

  // Series of the server that the last publish left on the board, after the guard.
  [[nodiscard]] std::size_t series() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pgtend::api
