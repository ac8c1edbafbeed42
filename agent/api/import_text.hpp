#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/api/history_page.hpp"
#include "agent/base/result.hpp"
#include "agent/store/history_import.hpp"

// The texts of export_text() and what others write in these formats, read back.
namespace pgtend::api {

// What kind of metric a name is; gauge where nothing is known. A TYPE line of OpenMetrics says more.
using KindOf = std::function<MetricKind(const std::string&)>;

// Puts lines together to pieces of series. Not thread-safe.
class PastReader {
 public:
  PastReader(ExportFormat format, KindOf kind_of) : format_(format), kind_of_(std::move(kind_of)) {}

  // One line without its end. A piece when the line begins another series. Errors: invalid_argument, with what is wrong
  // in the line and without its text; not retryable.
  [[nodiscard]] Result<std::optional<store::PastSeries>> line(std::string_view text);
  // After the last line: the last piece. Errors: invalid_argument (the text was cut off).
  [[nodiscard]] Result<std::optional<store::PastSeries>> end();

 private:
  Result<std::optional<store::PastSeries>> sample(SeriesKey key, UtcTime at, double value);
  Result<std::optional<store::PastSeries>> openmetrics(std::string_view text);
  Result<std::optional<store::PastSeries>> csv(std::string_view text);
  Result<std::optional<store::PastSeries>> json_line(std::string_view text);
  [[nodiscard]] MetricKind kind(const std::string& name) const;

  const ExportFormat format_;
  const KindOf kind_of_;
  std::map<std::string, MetricKind, std::less<>> types_;  // of TYPE lines
  std::optional<store::PastSeries> open_;
  bool begun_ = false, ended_ = false;
};

}  // namespace pgtend::api
