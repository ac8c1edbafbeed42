#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/api/history_page.hpp"
#include "agent/base/strings.hpp"

namespace pgtend::api {

namespace {

using Json = nlohmann::json;

// Seconds with the milliseconds that there are.
void append_seconds(std::string& out, UtcTime at) {
  const auto ms = to_ms(at);
  const auto rest = ((ms % 1'000) + 1'000) % 1'000;
  const auto seconds = (ms - rest) / 1'000;
  out += std::to_string(seconds);
  if (rest == 0) return;
  const auto digits = std::to_string(1'000 + rest);
  out += '.';
  out += digits.substr(1);
}

void openmetrics(std::string& out, const HistoryPage& page) {
  const std::string* metric = nullptr;
  for (const auto& series : page.series) {
    const bool is_new = metric == nullptr ? page.starts_new_metric : *metric != series.key.name;
    // What a counter is called there is not what it is called here, so no kind is claimed.
    if (is_new) out += "# TYPE " + series.key.name + " unknown\n";
    metric = &series.key.name;
    const auto prefix = to_string(series.key) + " ";
    for (const auto& sample : series.samples) {
      if (is_stale(sample.value)) continue;
      out += prefix;
      out += format_double(sample.value);
      out += ' ';
      append_seconds(out, sample.time);
      out += '\n';
    }
  }
  if (!page.next) out += "# EOF\n";
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

void csv(std::string& out, const HistoryPage& page, bool is_first) {
  if (is_first) out += "metric,labels,time,value\n";
  for (const auto& series : page.series) {
    const auto prefix = csv_field(series.key.name) + "," + csv_field(to_string(series.key.labels)) + ",";
    for (const auto& sample : series.samples) {
      out += prefix;
      out += to_rfc3339(sample.time);
      out += ',';
      out += is_stale(sample.value) ? "stale" : format_double(sample.value);
      out += '\n';
    }
  }
}

Json value_of(double value) {
  if (is_stale(value)) return "stale";
  return std::isfinite(value) ? Json(value) : Json(format_double(value));
}

void jsonl(std::string& out, const HistoryPage& page) {
  for (const auto& series : page.series) {
    auto labels = Json::object();
    labels["__name__"] = series.key.name;
    for (const auto& [name, value] : series.key.labels) labels[name] = value;
    auto samples = Json::array(), resets = Json::array();
    for (const auto& sample : series.samples) samples.push_back({to_ms(sample.time), value_of(sample.value)});
    for (const auto start : series.epoch_starts) resets.push_back(to_ms(series.samples[start].time));
    Json line{{"labels", std::move(labels)}, {"samples", std::move(samples)}};
    if (!resets.empty()) line["resets"] = std::move(resets);
    out += line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  }
}

}  // namespace

std::optional<ExportFormat> parse_export_format(std::string_view name) {
  if (name == "openmetrics") return ExportFormat::openmetrics;
  if (name == "csv") return ExportFormat::csv;
  if (name == "jsonl") return ExportFormat::jsonl;
  return std::nullopt;
}

std::string_view content_type(ExportFormat format) {
  switch (format) {
    case ExportFormat::openmetrics:
      return "application/openmetrics-text; version=1.0.0; charset=utf-8";
    case ExportFormat::csv:
      return "text/csv; charset=utf-8";
    case ExportFormat::jsonl:
      return "application/x-ndjson";
  }
  return "text/plain";
}

std::string export_text(const HistoryPage& page, ExportFormat format, bool is_first) {
  std::string out;
  switch (format) {
    case ExportFormat::openmetrics:
      openmetrics(out, page);
      break;
    case ExportFormat::csv:
      csv(out, page, is_first);
      break;
    case ExportFormat::jsonl:
      jsonl(out, page);
      break;
  }
  return out;
}

}  // namespace pgtend::api
