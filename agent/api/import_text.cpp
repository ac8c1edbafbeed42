#include "agent/api/import_text.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace pgtend::api {

namespace {

using Json = nlohmann::json;

// Longest series text that is looked at. Source: a label value of PostgreSQL is a name of 63 bytes, a statement's id or
// a setting.
constexpr std::size_t kMostLineBytes = 1 << 20;
// Of one JSON line: a page of export holds less.
constexpr std::size_t kMostJsonBytes = 256 << 20;
// A piece is handed on when it has this many samples.
constexpr std::size_t kMostSamples = 1 << 16;

tl::unexpected<Error> wrong(std::string what) {
  return fail(Errc::invalid_argument, std::move(what));
}

std::optional<double> value_of(std::string_view text) {
  if (text == "stale") return stale_marker();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "+Inf" || text == "Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Seconds, to the millisecond.
std::optional<UtcTime> seconds_of(std::string_view text) {
  const auto value = value_of(text);
  // Year 9999.
  if (!value || !std::isfinite(*value) || std::fabs(*value) > 253'402'300'799.0) return std::nullopt;
  return from_ms(std::llround(*value * 1'000));
}

// `{a="b",c="d"}` at the beginning of `text`, which is moved behind it.
std::optional<Labels> take_labels(std::string_view& text) {
  std::vector<Label> out;
  text.remove_prefix(1);
  while (!text.empty() && text.front() != '}') {
    if (text.front() == ',' || text.front() == ' ') {
      text.remove_prefix(1);
      continue;
    }
    const auto equals = text.find("=\"");
    if (equals == std::string_view::npos || equals == 0) return std::nullopt;
    std::string name(text.substr(0, equals)), value;
    text.remove_prefix(equals + 2);
    while (!text.empty() && text.front() != '"') {
      char c = text.front();
      text.remove_prefix(1);
      if (c == '\\') {
        if (text.empty()) return std::nullopt;
        c = text.front() == 'n' ? '\n' : text.front();
        text.remove_prefix(1);
      }
      value += c;
    }
    if (text.empty()) return std::nullopt;
    text.remove_prefix(1);
    out.emplace_back(std::move(name), std::move(value));
  }
  if (text.empty()) return std::nullopt;
  text.remove_prefix(1);
  return Labels(std::move(out));
}

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const auto word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

// One field of a CSV line, which is moved behind it and its comma.
std::optional<std::string> take_field(std::string_view& text) {
  std::string out;
  if (!text.starts_with('"')) {
    const auto comma = text.find(',');
    out = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    return out;
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] != '"') {
      out += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '"') {
      out += text[i++];
    } else {
      text.remove_prefix(i + 1);
      if (text.starts_with(',')) text.remove_prefix(1);
      return out;
    }
  }
  return std::nullopt;
}

}  // namespace

MetricKind PastReader::kind(const std::string& name) const {
  for (const auto* end : {"", "_total", "_count", "_sum", "_bucket"}) {
    if (!name.ends_with(end)) continue;
    const auto of = types_.find(std::string_view(name).substr(0, name.size() - std::string_view(end).size()));
    if (of != types_.end()) return of->second;
  }
  return kind_of_(name);
}

Result<std::optional<store::PastSeries>> PastReader::line(std::string_view text) {
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() > (format_ == ExportFormat::jsonl ? kMostJsonBytes : kMostLineBytes))
    return wrong("the line is too long");
  if (text.empty()) return std::nullopt;
  if (ended_) return wrong("there is something behind # EOF");
  switch (format_) {
    case ExportFormat::openmetrics:
      return openmetrics(text);
    case ExportFormat::csv:
      return csv(text);
    case ExportFormat::jsonl:
      return json_line(text);
  }
  return std::nullopt;
}

Result<std::optional<store::PastSeries>> PastReader::end() {
  if (format_ == ExportFormat::openmetrics && !ended_) return wrong("the last line is not # EOF: the file was cut off");
  return std::exchange(open_, std::nullopt);
}

Result<std::optional<store::PastSeries>> PastReader::sample(SeriesKey key, UtcTime at, double value) {
  std::optional<store::PastSeries> done;
  if (open_ && (open_->key != key || open_->samples.size() >= kMostSamples)) done = std::exchange(open_, std::nullopt);
  if (!open_) {
    const auto of = kind(key.name);
    open_ = store::PastSeries{std::move(key), of, {}, {}};
  }
  open_->samples.push_back({at, value});
  return done;
}

Result<std::optional<store::PastSeries>> PastReader::openmetrics(std::string_view text) {
  if (text == "# EOF") {
    ended_ = true;
    return std::nullopt;
  }
  if (text.starts_with("# TYPE ")) {
    text.remove_prefix(7);
    const std::string name(take_word(text));
    const auto type = take_word(text);
    if (type == "unknown" || type == "untyped") return std::nullopt;
    types_[name] = type == "gauge" || type == "info" || type == "stateset" ? MetricKind::gauge : MetricKind::counter;
    return std::nullopt;
  }
  if (text.starts_with('#')) return std::nullopt;
  SeriesKey key;
  key.name = text.substr(0, text.find_first_of("{ "));
  text.remove_prefix(key.name.size());
  if (key.name.empty()) return wrong("a line does not begin with the name of a metric");
  if (text.starts_with('{')) {
    auto labels = take_labels(text);
    if (!labels) return wrong("the labels are malformed");
    key.labels = std::move(*labels);
  }
  const auto value = value_of(take_word(text));
  if (!value) return wrong("the value is no number");
  const auto time = take_word(text);
  if (time.empty()) return wrong("a sample has no timestamp");
  const auto at = seconds_of(time);
  if (!at) return wrong("the timestamp is no number of seconds");
  return sample(std::move(key), *at, *value);
}

Result<std::optional<store::PastSeries>> PastReader::csv(std::string_view text) {
  if (!std::exchange(begun_, true)) {
    if (text != "metric,labels,time,value") return wrong("the first line is not: metric,labels,time,value");
    return std::nullopt;
  }
  auto metric = take_field(text), labels = take_field(text), time = take_field(text), number = take_field(text);
  if (!metric || !labels || !time || !number || !text.empty() || metric->empty() || number->empty())
    return wrong("a line does not have the four fields");
  std::string_view inside(*labels);
  auto parsed = inside.starts_with('{') ? take_labels(inside) : std::nullopt;
  if (!parsed || !inside.empty()) return wrong("the labels are malformed");
  const auto at = parse_rfc3339(*time);
  if (!at) return wrong("the time is not like 2026-01-31T12:00:00Z");
  const auto value = value_of(*number);
  if (!value) return wrong("the value is no number");
  return sample(SeriesKey{std::move(*metric), std::move(*parsed)}, *at, *value);
}

Result<std::optional<store::PastSeries>> PastReader::json_line(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("labels") || !json["labels"].is_object() || !json.contains("samples") ||
      !json["samples"].is_array())
    return wrong("a line is no JSON object with labels and samples");
  store::PastSeries out;
  std::vector<Label> labels;
  for (const auto& [name, value] : json["labels"].items()) {
    if (!value.is_string()) return wrong("a label is no text");
    if (name == "__name__") {
      out.key.name = value.get<std::string>();
    } else {
      labels.emplace_back(name, value.get<std::string>());
    }
  }
  if (out.key.name.empty()) return wrong("a series has no __name__");
  out.key.labels = Labels(std::move(labels));
  out.kind = kind(out.key.name);
  for (const auto& sample : json["samples"]) {
    if (!sample.is_array() || sample.size() != 2 || !sample[0].is_number_integer())
      return wrong("a sample is not [milliseconds, value]");
    const auto value = sample[1].is_number()   ? std::optional(sample[1].get<double>())
                       : sample[1].is_string() ? value_of(sample[1].get_ref<const std::string&>())
                                               : std::nullopt;
    if (!value) return wrong("the value is no number");
    out.samples.push_back({from_ms(sample[0].get<std::int64_t>()), *value});
  }
  if (const auto resets = json.find("resets"); resets != json.end())
    for (const auto& at : *resets) {
      if (!at.is_number_integer()) return wrong("a reset is no number of milliseconds");
      out.resets.push_back(from_ms(at.get<std::int64_t>()));
      out.kind = MetricKind::counter;
    }
  return out;
}

}  // namespace pgtend::api
