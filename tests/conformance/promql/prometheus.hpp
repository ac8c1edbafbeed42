#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/series.hpp"
#include "tests/support/process.hpp"

namespace pgtend::test {

struct StoredSeries {
  SeriesKey key;
  std::vector<Sample> samples;
};
using Dataset = std::vector<StoredSeries>;

// The samples as OpenMetrics text, which has no stale markers: those are left out.
std::string open_metrics(const Dataset& data);

using Parameters = std::vector<std::pair<std::string, std::string>>;
std::string encode_form(const Parameters& parameters);

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// Debian's Prometheus over blocks that its promtool made of a data set; ended when this goes out of scope.
class PrometheusServer {
 public:
  // Throws std::runtime_error when it does not answer within half a minute.
  explicit PrometheusServer(const Dataset& data);
  // A form POST, or a GET; `path` below /api/v1/.
  [[nodiscard]] HttpAnswer post(const std::string& path, const Parameters& parameters) const;
  [[nodiscard]] HttpAnswer get(const std::string& path, const Parameters& parameters = {}) const;
  [[nodiscard]] std::string url(const std::string& path) const;

 private:
  TempDir dir_{"pgtend-prometheus"};
  int port_ = free_port();
  ChildProcess process_;
};

}  // namespace pgtend::test
