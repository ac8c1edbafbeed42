#include "agent/api/prometheus_answer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "agent/api/sample_texts.hpp"
#include "agent/base/decimal.hpp"
#include "agent/base/strings.hpp"
#include "agent/base/units.hpp"
#include "agent/http/form.hpp"

namespace pgtend::api::prometheus {

namespace {

// Source: the last second of the year 9999, the latest that RFC 3339 can write.
constexpr double kLastSecond = 253'402'300'799.0;

std::string json_text(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<double> number(const std::string& text) {
  double value = 0;
  const char* begin = text.data();
  if (text.starts_with('+')) ++begin;
  const auto [end, ec] = std::from_chars(begin, text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || begin == end) return std::nullopt;
  return value;
}

tl::unexpected<Error> invalid(const std::string& name, const std::string& what) {
  return fail(Errc::invalid_argument, "invalid parameter \"" + name + "\": " + what);
}

http::Response answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

http::Response error(int status, std::string_view type, const std::string& message) {
  return answer(status,
                R"({"status":"error","errorType":")" + std::string(type) + R"(","error":)" + json_text(message) + "}");
}

constexpr const char* kSuccess = R"({"status":"success","data":)";

// The answer whose text ends with its data; appended to, because an answer has megabytes.
http::Response finished(std::string body, const std::vector<std::string>& warnings) {
  if (!warnings.empty())
    body += R"(,"warnings":)" + Json(warnings).dump(-1, ' ', false, Json::error_handler_t::replace);
  body += '}';
  return answer(200, std::move(body));
}

// A JSON string; of a text without anything to escape, which labels are, without a detour.
void append_text(std::string& out, std::string_view text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; });
  if (!plain) {
    out += json_text(text);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

void append_labels(std::string& out, const Labels& labels) {
  out += '{';
  bool first = true;
  for (const auto& [name, value] : labels) {
    if (!first) out += ',';
    first = false;
    append_text(out, name);
    out += ':';
    append_text(out, value);
  }
  out += '}';
}

void append_series(std::string& out, const SeriesResult& series, bool many, SampleTexts& texts) {
  out += R"({"metric":)";
  append_labels(out, series.labels);
  out += many ? R"(,"values":[)" : R"(,"value":)";
  texts.append(out, series.samples);
  out += many ? "]}" : "}";
}

// Of a scalar or a string the time has no trailing zeros, and a scalar is never written with an exponent.
void append_scalar_time(std::string& out, UtcTime time) {
  append_time(out, time);
  if (out.find('.') == std::string::npos) return;
  while (out.back() == '0') out.pop_back();
}

std::string plain_data(const QueryResult& result, UtcTime at) {
  std::string time;
  append_scalar_time(time, at);
  const bool is_string = result.type == "string";
  const auto value =
      is_string ? json_text(result.text) : '"' + decimal_text(result.series.at(0).samples.at(0).value) + '"';
  return R"({"resultType":")" + result.type + R"(","result":[)" + time + "," + value + "]}";
}

}  // namespace

Result<http::Request> with_form(http::Request request) {
  if (!http::is_form(request)) return request;
  auto items = std::move(request.query_items);
  request.query.clear();
  request.query_items.clear();
  if (!http::add_items(request.body, request))
    return fail(Errc::invalid_argument, "error parsing form values: invalid URL escape");
  for (auto& [name, value] : items) {
    request.query.emplace(name, value);
    request.query_items.emplace_back(std::move(name), std::move(value));
  }
  return request;
}

std::string value_of(const http::Request& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

std::vector<std::string> values_of(const http::Request& request, const std::string& name) {
  std::vector<std::string> out;
  for (const auto& [key, value] : request.query_items)
    if (key == name) out.push_back(value);
  return out;
}

Result<UtcTime> time_of(const http::Request& request, const std::string& name, std::optional<UtcTime> fallback) {
  const auto text = value_of(request, name);
  if (text.empty() && fallback) return *fallback;
  if (const auto seconds = number(text); seconds && std::abs(*seconds) <= kLastSecond)
    return from_ms(std::llround(*seconds * 1000));
  // Go's reading of RFC 3339, which Prometheus has, knows neither a blank for the T nor leap seconds.
  const bool strict = text.size() > 19 && text[10] == 'T' && text.substr(17, 2) != "60";
  if (const auto time = parse_rfc3339(text); time && strict) return *time;
  const std::string what = "cannot parse " + json_text(text) + " to a valid timestamp";
  return invalid(name, fallback ? "Invalid time value for '" + name + "': " + what : what);
}

Result<Millis> duration_of(const http::Request& request, const std::string& name) {
  const auto text = value_of(request, name);
  if (const auto seconds = number(text)) {
    // Source: Prometheus keeps a duration in nanoseconds of 64 bits.
    if (!(std::abs(*seconds) < 9.2e9))
      return invalid(name, "cannot parse " + json_text(text) + " to a valid duration. It overflows int64");
    return Millis(std::llround(*seconds * 1000));
  }
  if (const auto duration = parse_duration(text)) return *duration;
  return invalid(name, "cannot parse " + json_text(text) + " to a valid duration");
}

Result<std::size_t> limit_of(const http::Request& request, const std::string& name) {
  const auto text = value_of(request, name);
  if (text.empty()) return std::size_t{0};
  std::size_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size())
    return fail(Errc::invalid_argument, name + " must be a number");
  return value;
}

http::Response success(const Json& data, const std::vector<std::string>& warnings) {
  return finished(kSuccess + data.dump(-1, ' ', false, Json::error_handler_t::replace), warnings);
}

http::Response bad_data(const std::string& message) {
  return error(400, "bad_data", message);
}

http::Response failure(const Error& failed, const std::string& parameter) {
  switch (failed.code) {
    case Errc::parse:
      return bad_data(parameter.empty() ? failed.message
                                        : "invalid parameter \"" + parameter + "\": " + failed.message);
    case Errc::timeout:
      return error(503, "timeout", failed.describe());
    case Errc::cancelled:
    case Errc::unavailable:
      return error(503, "unavailable", failed.describe());
    case Errc::io:
    case Errc::corrupt:
    case Errc::internal:
      return error(500, "internal", failed.describe());
    default:
      return error(422, "execution", failed.describe());
  }
}

http::Response query_answer(const QueryResult& result, UtcTime at) {
  if (result.type == "string" || result.type == "scalar")
    return finished(kSuccess + plain_data(result, at), result.warnings);
  std::string out = kSuccess;
  // Source: 30 bytes per sample and 500 per series in answers about PostgreSQL (measured).
  std::size_t samples = 0;
  for (const auto& series : result.series) samples += series.samples.size();
  out.reserve(32 * samples + 512 * result.series.size());
  out += R"({"resultType":")" + result.type + R"(","result":[)";
  SampleTexts texts;
  bool first = true;
  for (const auto& series : result.series) {
    if (!first) out += ',';
    first = false;
    append_series(out, series, result.type == "matrix", texts);
  }
  out += "]}";
  return finished(std::move(out), result.warnings);
}

Json labels_object(const Labels& labels) {
  auto out = Json::object();
  for (const auto& [name, value] : labels) out[name] = value;
  return out;
}

Json labels_object(const SeriesKey& key) {
  auto out = labels_object(key.labels);
  if (!key.name.empty()) out["__name__"] = key.name;
  return out;
}

std::string exponent_text(double value) {
  if (!std::isfinite(value)) return format_double(value);
  std::array<char, 64> buffer;
  const auto [end, ec] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  return std::string(buffer.data(), ec == std::errc() ? end : buffer.data());
}

}  // namespace pgtend::api::prometheus
