#include <stdexcept>

#include "agent/http/client.hpp"
#include "agent/remote/window.hpp"
#include "agent/remote/write_request.hpp"
#include "tests/bench/history/commands.hpp"
#include "tests/bench/history/measure.hpp"

namespace pgtend::bench {

namespace {

// Ticks that travel together: as a receiver sees them from an agent that has an outage behind it.
constexpr std::size_t kTogether = 30;

void post(const std::string& url, const remote::WriteRequest& request) {
  auto body = request.body();
  if (!body) throw std::runtime_error(body.error().describe());
  http::ClientRequest http;
  http.method = "POST";
  http.url = url;
  http.timeout = Millis(120'000);
  http.headers = {{"Content-Type", "application/x-protobuf"},
                  {"Content-Encoding", "snappy"},
                  {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  http.body = std::move(*body);
  http.truncate_body = true;
  const auto answer = http::send_blocking(http);
  if (!answer) throw std::runtime_error(answer.error().describe());
  if (answer->status / 100 != 2)
    throw std::runtime_error("the receiver answered " + std::to_string(answer->status) + ": " + answer->body);
}

}  // namespace

nlohmann::json push(const Options& options) {
  const Stream stream(stream_options(options));
  const auto url = text_option(options, "url");
  const auto& ticks = stream.ticks();
  std::int64_t samples = 0;
  const double began = wall();
  std::vector<Sample> of_series;
  for (std::size_t first = 0; first < ticks.size(); first += kTogether) {
    const auto last = std::min(first + kTogether, ticks.size());
    remote::WriteRequest request;
    for (std::size_t target = 0; target < stream.targets(); ++target) {
      const auto& keys = stream.target(target).keys();
      for (std::size_t s = 0; s < keys.size(); ++s) {
        of_series.clear();
        for (auto i = first; i < last; ++i) {
          if (ticks[i].target != target) continue;
          const double value = stream.value(ticks[i], s);
          if (!is_stale(value)) of_series.push_back({from_ms(ticks[i].at), value});
        }
        request.add(keys[s], {}, of_series);
        samples += static_cast<std::int64_t>(of_series.size());
        if (request.samples() < remote::kRequestSamples) continue;
        post(url, request);
        request = {};
      }
    }
    if (!request.empty()) post(url, request);
  }
  return {{"samples", samples}, {"seconds", wall() - began}};
}

}  // namespace pgtend::bench
