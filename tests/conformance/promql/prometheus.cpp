#include "tests/conformance/promql/prometheus.hpp"

#include <algorithm>
#include <stdexcept>

#include "agent/base/strings.hpp"
#include "agent/http/client.hpp"
#include "agent/http/message.hpp"

namespace pgtend::test {

namespace {

HttpAnswer send(http::ClientRequest request) {
  request.timeout = Millis(60'000);
  request.max_body = 256 << 20;
  const auto answer = http::send_blocking(request);
  if (!answer) throw std::runtime_error("prometheus: " + answer.error().describe());
  return {answer->status, answer->body};
}

std::string seconds(UtcTime time) {
  const auto ms = to_ms(time);
  return std::to_string(ms / 1000) + "." + std::to_string(1000 + ms % 1000).substr(1);
}

}  // namespace

std::string open_metrics(const Dataset& data) {
  std::string out;
  for (const auto& series : data) {
    const auto name = to_string(series.key);
    for (const auto& sample : series.samples) {
      if (is_stale(sample.value)) continue;
      out += name + " " + format_double(sample.value) + " " + seconds(sample.time) + "\n";
    }
  }
  return out + "# EOF\n";
}

std::string encode_form(const Parameters& parameters) {
  std::string out;
  for (const auto& [name, value] : parameters)
    out += (out.empty() ? "" : "&") + http::percent_encode(name) + "=" + http::percent_encode(value);
  return out;
}

PrometheusServer::PrometheusServer(const Dataset& data) {
  const auto text = dir_.path() / "samples.txt", store = dir_.path() / "data", config = dir_.path() / "prometheus.yml";
  write_file(text, open_metrics(data));
  write_file(config, "global: {}\n");
  must_run({"promtool", "tsdb", "create-blocks-from", "openmetrics", "-q", text.string(), store.string()});
  SpawnOptions options;
  options.log = dir_.path() / "prometheus.log";
  process_ = ChildProcess({"prometheus", "--config.file=" + config.string(), "--storage.tsdb.path=" + store.string(),
                           "--storage.tsdb.retention.time=100y", "--log.level=error",
                           "--web.listen-address=127.0.0.1:" + std::to_string(port_)},
                          options);
  const auto ready = [this] {
    http::ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port_) + "/-/ready";
    const auto answer = http::send_blocking(request);
    return answer && answer->status == 200;
  };
  if (!eventually(ready, std::chrono::seconds(30)))
    throw std::runtime_error("prometheus does not start:\n" + read_file(options.log));
}

std::string PrometheusServer::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/api/v1/" + path;
}

HttpAnswer PrometheusServer::post(const std::string& path, const Parameters& parameters) const {
  http::ClientRequest request;
  request.method = "POST";
  request.url = url(path);
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.body = encode_form(parameters);
  return send(std::move(request));
}

HttpAnswer PrometheusServer::get(const std::string& path, const Parameters& parameters) const {
  http::ClientRequest request;
  request.url = url(path) + "?" + encode_form(parameters);
  return send(std::move(request));
}

}  // namespace pgtend::test
