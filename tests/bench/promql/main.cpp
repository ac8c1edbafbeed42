#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

#include "agent/api/routes.hpp"
#include "agent/http/client.hpp"
#include "agent/http/server.hpp"
#include "rules/promql/evaluator.hpp"
#include "tests/bench/promql/stored.hpp"
#include "tests/conformance/promql/shipped_queries.hpp"
#include "tests/support/boards.hpp"
#include "tests/unit/api/fake_agent_view.hpp"

using namespace pgtend;
using namespace pgtend::bench;

namespace {

const UtcTime kEnd{Millis(1'700'000'000'000)};
constexpr int kHours = 6;

double cpu_ms() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1000 + static_cast<double>(t.tv_usec) / 1000;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The shapes of the shipped rules, over one family each.
std::string rule_of(int i, const std::string& counter, const std::string& gauge) {
  switch (i % 8) {
    case 0:
      return gauge + " > 0.95";
    case 1:
      return "increase(" + counter + "[5m]) > 100000";
    case 2:
      return "rate(" + counter + "[5m]) > 1e6 and on (table) " + gauge + " > 0.5";
    case 3:
      return "sum by (schema) (rate(" + counter + "[2m])) > 1e9";
    case 4:
      return "max(" + gauge + ") > 1";
    case 5:
      return "avg_over_time(" + gauge + "[10m]) > 0.9";
    case 6:
      return "changes(" + gauge + "{schema=\"a\"}[5m]) > 1000";
    default:
      return "absent(" + gauge + "{table=\"t0\"})";
  }
}

void rounds() {
  constexpr int kFamilies = 100, kSeries = 50, kRules = 500, kRounds = 15;
  Stored stored(families(kFamilies, kSeries, 3600, kEnd));
  std::vector<promql::ExprPtr> rules;
  for (int i = 0; i < kRules; ++i) {
    const int family = i % (kFamilies / 2) * 2;
    rules.push_back(promql::parse(rule_of(i / (kFamilies / 2) + i, "m" + std::to_string(family) + "_total",
                                          "m" + std::to_string(family + 1) + "_ratio"))
                        .value());
  }
  const auto reader = stored.reader();
  std::vector<double> cpu;
  std::size_t elements = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double before = cpu_ms();
    for (const auto& rule : rules) {
      const auto value = promql::evaluate(*rule, *reader, kEnd - Millis(1000 * round), {});
      if (!value) throw std::runtime_error(value.error().describe());
      if (const auto* vector = std::get_if<promql::Vector>(&*value)) elements += vector->size();
    }
    cpu.push_back(cpu_ms() - before);
  }
  std::printf(
      "rules: %d over %d series, an hour of history on disk: CPU of one round, median of %d: %.1f ms (goal 200): %s\n",
      kRules, kFamilies * kSeries, kRounds, median(cpu), median(cpu) <= 200 ? "met" : "NOT met");
  std::printf("       slowest %.1f ms, fastest %.1f ms; %zu elements fired\n",
              *std::max_element(cpu.begin(), cpu.end()), *std::min_element(cpu.begin(), cpu.end()), elements);
}

// The agent's API out of a history file.
class StoreView final : public test::FakeAgentView {
 public:
  explicit StoreView(HistoryReader& reader) : reader_(reader) {}
  net::TaskResult<api::QueryResult> query_range(std::string text, TimeRange asked, Millis asked_step, Millis) override {
    const auto parsed = promql::parse(text);
    if (!parsed) co_return fail(parsed.error());
    auto value = promql::evaluate_range(**parsed, reader_, asked.from, asked.to, asked_step, {});
    if (!value) co_return fail(value.error());
    api::QueryResult out;
    out.type = "matrix";
    for (auto& one : *value) out.series.push_back({std::move(one.labels), std::move(one.samples)});
    co_return out;
  }

 private:
  HistoryReader& reader_;
};

const char* const kShapes[] = {
    "m1_ratio",
    "m0_total",
    "rate(m0_total[5m])",
    "sum(rate(m0_total[5m]))",
    "sum by (schema) (rate(m0_total[5m]))",
    "topk(5, rate(m0_total[5m]))",
    "irate(m2_total[1m])",
    "increase(m2_total[1h])",
    "avg_over_time(m1_ratio[10m])",
    "max_over_time(m3_ratio[1h])",
    "quantile_over_time(0.95, m3_ratio[30m])",
    "max(m1_ratio) by (schema)",
    "rate(m0_total[5m]) / on (table, schema) rate(m2_total[5m])",
    "m1_ratio > 0.9 and on (table) m3_ratio > 0.5",
    "100 * (1 - m1_ratio)",
    "max_over_time(sum(rate(m0_total[5m]))[30m:1m])",
    "deriv(m1_ratio[30m])",
    "count(m1_ratio > 0.5)",
    "label_replace(m1_ratio, \"t\", \"$1\", \"table\", \"t(.*)\")",
    "histogram_quantile(0.9, label_replace(rate(m0_total[5m]), \"le\", \"$1\", \"table\", \"t(.*)\"))",
};

double ask_ms(const std::string& url, const std::string& form) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = url;
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.body = form;
  request.timeout = Millis(60'000);
  request.max_body = 256 << 20;
  const auto begin = std::chrono::steady_clock::now();
  const auto answer = http::send_blocking(request);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  if (!answer || answer->status != 200)
    throw std::runtime_error(url + ": " + (answer ? answer->body.substr(0, 300) : answer.error().describe()));
  return took.count();
}

// Both servers over one data set, asked in turn.
class SideBySide {
 public:
  explicit SideBySide(const test::Dataset& data) : stored_(data), prometheus_(data) {
    http::ServerOptions options;
    options.listen = "127.0.0.1:0";
    server_ = std::make_unique<http::Server>(context_.get_executor(), options, api::make_router(view_, board_, clock_),
                                             http::Authenticator::make({}).value());
    if (auto started = server_->start(); !started) throw std::runtime_error(started.error().describe());
    io_ = std::thread([this] { context_.run(); });
  }
  ~SideBySide() {
    context_.stop();
    io_.join();
  }
  SideBySide(const SideBySide&) = delete;
  SideBySide& operator=(const SideBySide&) = delete;

  // Medians of `runs` for one expression over the last `hours` in steps of a minute: Prometheus's and ours.
  [[nodiscard]] std::pair<double, double> ask(const std::string& expr, int hours, int runs) const {
    const auto form = test::encode_form({{"query", expr},
                                         {"start", std::to_string(to_ms(kEnd) / 1000 - hours * 3600)},
                                         {"end", std::to_string(to_ms(kEnd) / 1000)},
                                         {"step", "60"}});
    const std::string ours = "http://127.0.0.1:" + std::to_string(server_->port()) + "/api/v1/query_range";
    std::vector<double> mine, other;
    for (int run = 0; run < runs; ++run) {
      other.push_back(ask_ms(prometheus_.url("query_range"), form));
      mine.push_back(ask_ms(ours, form));
    }
    return {median(other), median(mine)};
  }

 private:
  Stored stored_;
  std::unique_ptr<HistoryReader> reader_ = stored_.reader();
  StoreView view_{*reader_};
  api::MetricsBoard board_{api::BoardOptions{"bench"}};
  const test::FakeClock clock_{kEnd};
  net::asio::io_context context_{1};
  std::unique_ptr<http::Server> server_;
  std::thread io_;
  const test::PrometheusServer prometheus_;
};

void side_by_side(const std::string& title, const test::Dataset& data,
                  const std::vector<std::pair<std::string, std::string>>& queries) {
  constexpr int kRuns = 15;
  const SideBySide both(data);
  std::printf("%s: %zu series, %d h at 15 s, step 60 s; medians of %d, over HTTP\n", title.c_str(), data.size(), kHours,
              kRuns);
  std::printf("%-80s %10s %10s %6s\n", "expression", "Prometheus", "pgtend", "ratio");
  std::vector<double> ratios, all_theirs, all_ours;
  for (const auto& [place, expr] : queries) {
    const auto [theirs, ours] = both.ask(expr, kHours, kRuns);
    all_theirs.push_back(theirs);
    all_ours.push_back(ours);
    ratios.push_back(ours / theirs);
    std::printf("%-80.80s %7.1f ms %7.1f ms %6.2f\n", place.c_str(), theirs, ours, ratios.back());
  }
  const double ratio = median(all_ours) / median(all_theirs);
  std::printf("%zu queries; ratio of medians %.2f (goal 1.0): %s; median of ratios %.2f, slowest %.2f\n",
              queries.size(), ratio, ratio <= 1 ? "met" : "NOT met", median(ratios),
              *std::max_element(ratios.begin(), ratios.end()));
}

void shapes() {
  std::vector<std::pair<std::string, std::string>> queries;
  for (const char* expr : kShapes) queries.emplace_back(expr, expr);
  side_by_side("range queries of each shape", families(4, 50, kHours * 3600, kEnd), queries);
}

// Each panel of the shipped boards, over a server with many tables.
void boards() {
  constexpr int kRows = 20;
  const auto queries = test::board_queries();
  const test::Extent extent{kRows, kRows, kHours * 240 + 1, to_ms(kEnd) / 1000 - kHours * 3600};
  side_by_side("range queries of the shipped boards", test::data_for(queries, extent), queries);
}

}  // namespace

// [rounds|shapes|boards]: one part, or all of them.
int main(int argc, char** argv) {
  const std::string part = argc > 1 ? argv[1] : "";
  try {
    if (part.empty() || part == "rounds") rounds();
    if (part.empty() || part == "shapes") shapes();
    if (part.empty() || part == "boards") boards();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench promql: %s\n", error.what());
    return 1;
  }
  return 0;
}
