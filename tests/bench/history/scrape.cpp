#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <future>
#include <stdexcept>
#include <thread>

#include "agent/api/metrics_board.hpp"
#include "agent/http/client.hpp"
#include "agent/http/server.hpp"
#include "agent/store/history_file.hpp"
#include "tests/bench/history/commands.hpp"
#include "tests/bench/history/measure.hpp"

namespace pgtend::bench {

namespace {

constexpr int kScrapes = 20;
constexpr std::size_t kTables = 1'000;

// The same object in every round, as the collectors have it.
const SharedKey& key_of(std::size_t series) {
  static std::vector<SharedKey> keys;
  while (keys.size() <= series) {
    const auto table = keys.size() % kTables, metric = keys.size() / kTables;
    keys.emplace_back(
        "pgtend_table_number_" + std::to_string(metric) + "_total",
        Labels{{"datname", "app"}, {"schemaname", "public"}, {"relname", "table_" + std::to_string(table)}});
  }
  return keys[series];
}

// Table statistics of so many series, with labels as the collectors write them.
SnapshotPtr table_snapshot(std::size_t series, UtcTime at, int round) {
  auto out = std::make_shared<Snapshot>();
  out->collector = "tables";
  out->instance = "main";
  out->database = "app";
  out->taken_at = at;
  out->interval = Millis(10'000);
  out->samples.reserve(series);
  for (std::size_t i = 0; i < series; ++i) {
    SeriesSample sample;
    sample.key = key_of(i);
    // One in ten moves from round to round, as in the recorded stream.
    sample.value = static_cast<double>(i * 1'237 + (i % 10 == 0 ? static_cast<std::size_t>(round) * 17 : 0));
    sample.kind = MetricKind::counter;
    sample.epoch = 1;
    out->samples.push_back(std::move(sample));
  }
  return out;
}

}  // namespace

nlohmann::json scrape(const Options& options) {
  const auto series = static_cast<std::size_t>(number_option(options, "series", 27'000));
  SystemClock clock;
  api::MetricsBoard board(api::BoardOptions{"bench", 1'000'000});
  net::asio::io_context io(1);
  http::Router router;
  router.add("GET", "/metrics", http::Right::viewer, [&](http::Request) -> net::Task<http::Response> {
    http::Response response;
    response.content_type = api::MetricsBoard::kContentType;
    response.body = board.render(clock.now());
    co_return response;
  });
  http::ServerOptions server_options;
  server_options.listen = "127.0.0.1:0";
  auto who = http::Authenticator::make({});
  if (!who) throw std::runtime_error(who.error().describe());
  http::Server server(io.get_executor(), server_options, std::move(router), std::move(*who));
  if (auto started = server.start(); !started) throw std::runtime_error(started.error().describe());
  auto idle = net::asio::make_work_guard(io);
  std::thread thread([&] { io.run(); });
  const auto on_io = [&](auto work) {
    std::promise<double> done;
    net::asio::post(io, [&] {
      const double before = thread_cpu();
      work();
      done.set_value(thread_cpu() - before);
    });
    return done.get_future().get();
  };
  std::vector<double> publishing, scraping;
  std::size_t body = 0;
  for (int round = 0; round <= kScrapes; ++round) {
    const auto snapshot = table_snapshot(series, clock.now(), round);
    const double published = on_io([&] { board.publish(snapshot); });
    std::atomic<double> before = 0, after = 0;
    on_io([&] { before = thread_cpu(); });
    http::ClientRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(server.port()) + "/metrics";
    request.max_body = 256u << 20;
    const auto answer = http::send_blocking(request);
    if (!answer || answer->status != 200) throw std::runtime_error("/metrics did not answer");
    on_io([&] { after = thread_cpu(); });
    // The first round lays the lines out, which happens once per set of series.
    if (round == 0) continue;
    publishing.push_back(published);
    scraping.push_back(after - before);
    body = answer->body.size();
  }
  std::promise<void> stopped;
  auto stop = server.stop(Millis(500));
  net::asio::co_spawn(io, std::move(stop), [&](const std::exception_ptr&) { stopped.set_value(); });
  stopped.get_future().wait();
  idle.reset();
  thread.join();
  return {{"series", series},
          {"body_bytes", body},
          {"scrape_cpu_ms", quantile(scraping, 0.5) * 1e3},
          {"publish_cpu_ms", quantile(publishing, 0.5) * 1e3},
          {"rss_bytes", memory_bytes("VmRSS")}};
}

nlohmann::json memory(const Options& options) {
  const auto series = static_cast<std::size_t>(number_option(options, "series", 10'000));
  struct HourClock final : Clock {
    std::int64_t ms = 1'800'000'000'000;
    [[nodiscard]] UtcTime now() const override { return from_ms(ms); }
    [[nodiscard]] Deadline steady_now() const override { return Deadline(std::chrono::milliseconds(ms)); }
  } clock;
  store::HistoryOptions history;
  history.path = text_option(options, "db");
  auto file = store::HistoryFile::open(history, [](std::function<void()> job) { job(); }, clock);
  if (!file) throw std::runtime_error(file.error().describe());
  api::MetricsBoard board(api::BoardOptions{"bench", 1'000'000});
  for (int tick = 0; tick < 360; ++tick, clock.ms += 10'000) {
    auto snapshot = table_snapshot(series, clock.now(), tick);
    board.publish(snapshot);
    if (auto queued = (*file)->append(std::move(snapshot)); !queued)
      throw std::runtime_error(queued.error().describe());
    if (auto done = (*file)->commit(); !done) throw std::runtime_error(done.error().describe());
  }
  return {{"series", series}, {"rss_peak_bytes", memory_bytes("VmHWM")}, {"rss_bytes", memory_bytes("VmRSS")}};
}

}  // namespace pgtend::bench
